import { expect, test } from 'vitest';
import { connect, encodeCommand, fields } from '../support/client.ts';
import { createGenerator } from '../support/generator.ts';
import { startThermocline } from '../support/servers.ts';

const MB = 1024 * 1024;
const COUNT = 1000;
const LONGEST_MB = 300;

const FLEX = { save: '', 'enable-flex': true, 'flex-storage-path': 'ssd', maxmemory: '64mb' };

test('a gigabyte of strings of a megabyte is kept within 64 MB, and reads back right', async () => {
  const server = await startThermocline(FLEX);
  const client = await connect(server.port);
  const generator = createGenerator(1);
  const noise = generator.bytes(2 * MB);
  const valueAt = (index: number): Buffer => {
    const value = Buffer.from(noise.subarray(index * 997, index * 997 + MB));
    value.write(`<${index}>`);
    return value;
  };
  for (let index = 0; index < COUNT; index++) {
    client.send(encodeCommand('SET', `key:${index}`, valueAt(index)));
    if (index % 8 === 7) await client.rawReplies(8);
  }
  const figures = fields(await client.call('INFO', 'memory', 'flex', 'stats'));
  expect(Number(figures.used_memory)).toBeLessThan(64 * MB);
  expect(figures).toMatchObject({ flex_fault: 'none', evicted_keys: '0' });
  expect(await client.call('DBSIZE')).toBe(COUNT);
  for (let read = 0; read < 100; read++) {
    const index = generator.below(COUNT);
    client.send(encodeCommand('GET', `key:${index}`));
    const [reply] = await client.rawReplies(1);
    const value = valueAt(index);
    expect(reply.compare(value, 0, MB, reply.indexOf('\n') + 1, reply.length - 2)).toBe(0);
    const at = generator.below(MB - 10);
    client.send(encodeCommand('GETRANGE', `key:${index}`, at, at + 9));
    const [part] = await client.rawReplies(1);
    expect(part.toString('latin1')).toBe(`$10\r\n${value.toString('latin1', at, at + 10)}\r\n`);
  }
});

test('a string longer than an environment of the tier leaves memory too', async () => {
  const server = await startThermocline(FLEX);
  const client = await connect(server.port);
  const noise = createGenerator(2).bytes(MB);
  for (let at = 0; at < LONGEST_MB; at++) {
    client.send(encodeCommand('SETRANGE', 'long', at * MB, noise));
    if (at % 8 === 7) await client.rawReplies(8);
  }
  await client.rawReplies(LONGEST_MB % 8);
  const figures = fields(await client.call('INFO', 'memory', 'flex'));
  expect(Number(figures.used_memory)).toBeLessThan(64 * MB);
  expect(await client.call('STRLEN', 'long')).toBe(LONGEST_MB * MB);
  for (const at of [0, 150 * MB + 7, LONGEST_MB * MB - 100]) {
    client.send(encodeCommand('GETRANGE', 'long', at, at + 99));
    const [part] = await client.rawReplies(1);
    const expected = Buffer.concat([noise, noise]).subarray(at % MB, (at % MB) + 100);
    expect(part.toString('latin1')).toBe(`$100\r\n${expected.toString('latin1')}\r\n`);
  }
});
