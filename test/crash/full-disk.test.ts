import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { connect, encodeCommand, fields, type TestClient } from '../support/client.ts';
import { createGenerator } from '../support/generator.ts';
import { atEnd, eventually, startThermocline, temporaryDirectory } from '../support/servers.ts';

const MB = 1024 * 1024;
const VALUE = createGenerator(5).bytes(500).toString('hex');

let directory: string;
let isMounted = false;

/** A file system of its own for the tier, where the machine lets this process mount one. */
beforeAll(() => {
  directory = temporaryDirectory();
  const path = join(directory, 'ssd');
  mkdirSync(path);
  isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', path]).status === 0;
  if (isMounted) atEnd(() => void spawnSync('umount', ['-l', path]));
});

async function flex(client: TestClient): Promise<Record<string, string>> {
  return fields(await client.call('INFO', 'flex'));
}

test('a file system that is full: writes are refused, reads go on, and space that returns is used', async (context) => {
  if (!isMounted) context.skip('this process may not mount a file system');
  const filler = join(directory, 'ssd', 'filler');
  writeFileSync(filler, Buffer.alloc(64 * MB));
  const server = await startThermocline(
    { 'enable-flex': true, 'flex-storage-path': 'ssd', maxmemory: '16mb' },
    { directory },
  );
  const client = await connect(server.port);
  const kept: number[] = [];
  const refusals = new Set<string>();
  /** Sets keys until a batch is refused whole, at most `count`. */
  const write = async (from: number, count: number): Promise<number> => {
    let taken = 0;
    for (let at = from; at < from + count; at += 500) {
      const batch = Array.from({ length: 500 }, (_, index) =>
        encodeCommand('SET', `key:${at + index}`, `${at + index}:${VALUE}`),
      );
      client.send(Buffer.concat(batch));
      const replies = await client.rawReplies(batch.length);
      const before = taken;
      for (const [index, reply] of replies.entries()) {
        if (`${reply}` === '+OK\r\n') {
          kept.push(at + index);
          taken++;
        } else refusals.add(`${reply}`);
      }
      if (taken === before) break;
    }
    return taken;
  };
  const readsBackRight = async () => {
    for (let at = 0; at < kept.length; at += 97) {
      expect(await client.call('GET', `key:${kept[at]}`)).toBe(`${kept[at]}:${VALUE}`);
    }
    expect(await client.call('DBSIZE')).toBe(kept.length);
  };
  const taken = await write(0, 100_000);
  expect(taken).toBeGreaterThan(15_000);
  expect(taken).toBeLessThan(60_000);
  expect([...refusals].every((text) => /^-(OOM |MISCONF The disk of the SSD tier is full)/.test(text))).toBe(
    true,
  );
  expect(refusals.size).toBeGreaterThan(0);
  expect(await flex(client)).toMatchObject({ flex_fault: 'No space left on device', flex_disk_full: '1' });
  expect(server.log()).toMatch(/The SSD tier can't be written/);
  await readsBackRight();
  rmSync(filler);
  await eventually(async () => (await flex(client)).flex_fault === 'none', 'the tier works again', 30_000);
  expect(server.log()).toMatch(/The SSD tier can be written again/);
  expect(await write(200_000, 20_000)).toBe(20_000);
  await readsBackRight();
  await server.close();
});
