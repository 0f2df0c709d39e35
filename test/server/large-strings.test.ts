import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect, encodeCommand, fields, type TestClient } from '../support/client.ts';
import { createGenerator } from '../support/generator.ts';
import { call } from '../support/server-values.ts';
import {
  eventually,
  hasRedis,
  startRedis,
  startThermocline,
  temporaryDirectory,
} from '../support/servers.ts';

const MB = 1024 * 1024;
const hasCheck = spawnSync('redis-check-rdb', ['--version']).status === 0;

/** Bytes that don't compress. */
const noise = createGenerator(5).bytes(MB).toString('latin1');

/** Settings of a server with the tier and without. */
function settings(flex: boolean): Record<string, string | boolean> {
  if (!flex) return { save: '' };
  return { save: '', 'enable-flex': true, 'flex-storage-path': temporaryDirectory(), maxmemory: '64mb' };
}

async function isSaving(client: TestClient): Promise<boolean> {
  return fields(await client.call('INFO', 'persistence')).rdb_bgsave_in_progress === '1';
}

/** The reply to GET, one character a byte. */
async function got(client: TestClient, key: string): Promise<string> {
  client.send(encodeCommand('GET', key));
  return (await client.rawReply()).toString('latin1');
}

async function fill(client: TestClient): Promise<void> {
  await client.call('SET', 'noise', Buffer.from(noise, 'latin1'));
  await client.call('SET', 'long', Buffer.from(noise.repeat(3), 'latin1'));
  await call(client, 'SET', 'text', 'text '.repeat(30_000));
  await call(client, 'SETBIT', 'sparse', 80_000_007, 1);
}

async function compare(client: TestClient): Promise<void> {
  expect(await call(client, 'STRLEN', 'noise')).toBe(MB);
  expect((await got(client, 'noise')) === `$${MB}\r\n${noise}\r\n`).toBe(true);
  expect((await got(client, 'long')) === `$${3 * MB}\r\n${noise.repeat(3)}\r\n`).toBe(true);
  expect(await call(client, 'GET', 'text')).toBe('text '.repeat(30_000));
  expect(await call(client, 'STRLEN', 'sparse')).toBe(10_000_001);
  expect(await call(client, 'BITPOS', 'sparse', 1)).toBe(80_000_007);
  expect(await call(client, 'BITCOUNT', 'sparse')).toBe(1);
}

describe.each([false, true])('long strings (Flex %s)', (flex) => {
  test.runIf(hasRedis && hasCheck)('are saved for redis-server, and loaded from what it saved', async () => {
    const directory = temporaryDirectory();
    const ours = await startThermocline(settings(flex), { directory });
    const client = await connect(ours.port);
    await fill(client);
    await compare(client);
    await call(client, 'BGSAVE');
    for (const key of ['noise', 'long', 'text', 'sparse']) await call(client, 'SETRANGE', key, 50_000, 'new');
    await call(client, 'DEL', 'sparse');
    await eventually(async () => !(await isSaving(client)), 'the snapshot is written');
    await ours.kill();
    const check = spawnSync('redis-check-rdb', [join(directory, 'dump.rdb')], { encoding: 'utf8' });
    expect({ status: check.status, output: check.stdout }).toMatchObject({ status: 0 });

    const theirs = await startRedis({ dir: directory });
    const other = await connect(theirs.port);
    await compare(other);
    await call(other, 'SAVE');
    await theirs.kill();

    const again = await startThermocline(settings(flex), { directory });
    await compare(await connect(again.port));
  });

  test('are replayed from the log', async () => {
    const directory = temporaryDirectory();
    const first = await startThermocline({ ...settings(flex), appendonly: true }, { directory });
    const client = await connect(first.port);
    await fill(client);
    await call(client, 'SETRANGE', 'noise', 500_000, 'new');
    await call(client, 'APPEND', 'text', 'more');
    await call(client, 'SHUTDOWN').catch(() => {});
    await first.exited;
    const again = await startThermocline({ ...settings(flex), appendonly: true }, { directory });
    const reader = await connect(again.port);
    expect(await call(reader, 'GETRANGE', 'noise', 500_000, 500_002)).toBe('new');
    expect(await call(reader, 'GETRANGE', 'text', -9, -1)).toBe('text more');
    expect(await call(reader, 'STRLEN', 'sparse')).toBe(10_000_001);
    expect(await call(reader, 'STRLEN', 'long')).toBe(3 * MB);
  });
});
