import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../support/client.ts';
import { startThermocline, temporaryDirectory } from '../support/servers.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'src', 'check', 'main.js');

interface Outcome {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

function check(...words: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [PROGRAM, ...words], { cwd: temporaryDirectory() });
  let output = '';
  let errors = '';
  child.stdout.on('data', (part) => {
    output += part;
  });
  child.stderr.on('data', (part) => {
    errors += part;
  });
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, output, errors })));
}

test('a data directory is verified, put right, exported and imported', async () => {
  const server = await startThermocline({ appendonly: 'yes', save: '' });
  const client = await connect(server.port);
  await client.call('SET', 'a', '1');
  await client.call('RPUSH', 'l', 'x', 'y');
  await client.call('SAVE');
  await server.close();
  const { directory } = server;

  const whole = await check(directory);
  expect(whole).toMatchObject({ status: 0, errors: '' });
  expect(whole.output).toMatch(
    /appendonlydir: AOF directory[\s\S]+whole[\s\S]+dump\.rdb: RDB file[\s\S]+ {2}2 keys[\s\S]+whole/,
  );

  const log = join(directory, 'appendonlydir');
  const last = readdirSync(log)
    .filter((name) => name.endsWith('.incr.aof'))
    .sort()
    .at(-1) as string;
  appendFileSync(join(log, last), '*3\r\n$3\r\nSET');
  const torn = await check(directory, '--json');
  expect(torn.status).toBe(1);
  expect(JSON.parse(torn.output)).toMatchObject([
    {
      kind: 'AOF directory',
      files: [{}, {}, { problems: [expect.stringContaining('11 bytes from offset')] }],
    },
    {
      kind: 'RDB file',
      keys: { count: 2, types: { string: { count: 1 }, list: { count: 1, elements: 2 } } },
    },
  ]);
  expect((await check(log, '--fix')).status).toBe(0);
  expect((await check(log)).status).toBe(0);

  const copy = join(temporaryDirectory(), 'copy.rdb');
  expect(await check(log, '--export', 'rdb', copy)).toMatchObject({
    status: 0,
    output: `2 keys are in ${copy}\n`,
  });
  const empty = temporaryDirectory();
  expect((await check('--import', 'rdb', copy, empty)).status).toBe(0);
  expect(existsSync(join(empty, 'dump.rdb'))).toBe(true);
  const again = await connect((await startThermocline({ save: '' }, { directory: empty })).port);
  expect(await again.call('LRANGE', 'l', '0', '-1')).toEqual(['x', 'y']);
}, 60_000);

test('what is asked for wrongly', async () => {
  const failures: [string[], RegExp][] = [
    [[], /name what to verify/],
    [['/no/such/file'], /No such file or directory/],
    [['/', '--export', 'json', 'x'], /--export takes two words: rdb <file>/],
    [['/', '--largest', 'many'], /use a whole number/],
  ];
  for (const [words, reason] of failures) {
    const { status, errors } = await check(...words);
    expect(status).toBe(1);
    expect(errors).toMatch(reason);
  }
});
