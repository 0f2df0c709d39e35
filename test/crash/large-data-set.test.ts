import { beforeAll, describe, expect, test } from 'vitest';
import { callAll, connect, encodeCommand, errorText, fields, type TestClient } from '../support/client.ts';
import { createGenerator } from '../support/generator.ts';
import { eventually, startThermocline, type TestServer } from '../support/servers.ts';

const FLEX = { 'enable-flex': true, 'flex-storage-path': 'ssd' };
const MB = 1024 * 1024;

async function info(client: TestClient): Promise<Record<string, string>> {
  return fields(await client.call('INFO', 'flex', 'memory', 'stats', 'keyspace'));
}

describe('a data set of ten times the budget', () => {
  const count = 80_000;
  const budgetBytes = 32 * MB;
  const pool = createGenerator(1).bytes(4096).toString('hex');
  let server: TestServer;
  let client: TestClient;

  /** The value of a key: 4,000 bytes that no other key has, half of which compress well. */
  function textOf(index: number): string {
    const at = (index * 31) % 6000;
    return `<${index}>${pool.slice(at, at + 2000)}`.padEnd(4000, `<${index}>`);
  }

  beforeAll(async () => {
    server = await startThermocline({ ...FLEX, maxmemory: budgetBytes, 'maxmemory-policy': 'allkeys-lru' });
    client = await connect(server.port);
    const commands = Array.from({ length: count }, (_, index) => ['SET', `key:${index}`, textOf(index)]);
    await callAll(client, commands, '+OK\r\n');
  });

  test('is kept whole, within the budget', async () => {
    expect(await client.call('DBSIZE')).toBe(count);
    const figures = await info(client);
    expect(Number(figures.used_memory)).toBeLessThan(budgetBytes);
    expect(Number(figures.flex_hot_keys) + Number(figures.flex_cold_keys)).toBe(count);
    expect(Number(figures.flex_cold_keys)).toBeGreaterThan(count * 0.85);
    expect(figures).toMatchObject({ flex_enabled: '1', flex_fault: 'none', evicted_keys: '0' });
    expect(Number(figures.flex_memory_budget)).toBe(budgetBytes);
  });

  test('reads back right, hot and cold', async () => {
    const generator = createGenerator(3);
    const reader = await connect(server.port);
    for (let round = 0; round < 40; round++) {
      const indexes = Array.from({ length: 250 }, () => generator.below(count));
      reader.send(Buffer.concat(indexes.map((index) => encodeCommand('GET', `key:${index}`))));
      const replies = await reader.rawReplies(indexes.length);
      const wrong = replies.findIndex((reply, at) => `${reply}` !== `$4000\r\n${textOf(indexes[at])}\r\n`);
      expect(wrong).toBe(-1);
      const many = await reader.call(
        'MGET',
        ...indexes.slice(0, 20).map((index) => `key:${index}`),
        'missing',
      );
      expect(many).toEqual([...indexes.slice(0, 20).map(textOf), null]);
    }
    const figures = await info(client);
    expect(Number(figures.flex_cold_hits)).toBeGreaterThan(5000);
    expect(Number(figures.used_memory)).toBeLessThan(budgetBytes);
  });

  test('SCAN returns every key while others come and go and the index grows', async () => {
    const writer = await connect(server.port);
    const found = new Set<string>();
    let cursor = '0';
    let round = 0;
    do {
      const reply = (await client.call('SCAN', cursor, 'MATCH', 'key:*', 'COUNT', '500')) as [
        string,
        string[],
      ];
      cursor = reply[0];
      for (const key of reply[1]) found.add(key);
      const commands = Array.from({ length: 300 }, (_, index) => [
        'SET',
        `grow:${round}:${index}`,
        'x'.repeat(200),
      ]);
      await callAll(writer, commands, '+OK\r\n');
      await writer.call(
        'MGET',
        ...Array.from({ length: 50 }, (_, index) => `key:${(round * 977 + index) % count}`),
      );
      round++;
    } while (cursor !== '0');
    expect(found.size).toBe(count);
    expect(await client.call('DBSIZE')).toBe(count + round * 300);
    const grown = Array.from({ length: round }, (_, at) => [
      'DEL',
      ...Array.from({ length: 300 }, (__, index) => `grow:${at}:${index}`),
    ]);
    await callAll(client, grown, ':300\r\n');
    expect(await client.call('DBSIZE')).toBe(count);
  });

  test('is overwritten and deleted in both tiers', async () => {
    const writes = Array.from({ length: 3000 }, (_, index) => ['SET', `key:${index * 7}`, `new ${index}`]);
    await callAll(client, writes, '+OK\r\n');
    await callAll(
      client,
      Array.from({ length: 1000 }, (_, index) => ['DEL', `key:${index * 7 + 1}`]),
      ':1\r\n',
    );
    expect(await client.call('DBSIZE')).toBe(count - 1000);
    for (let index = 0; index < 3000; index += 50) {
      expect(await client.call('GET', `key:${index * 7}`)).toBe(`new ${index}`);
      expect(await client.call('EXISTS', `key:${index * 7 + 1}`)).toBe(index < 1000 ? 0 : 1);
    }
  });

  test('takes writes that have to wait for memory, though their sender has closed its end', async () => {
    const client = await connect(server.port);
    const writes = Array.from({ length: 8_000 }, (_, index) =>
      encodeCommand('SET', `key:${index}`, textOf(index)),
    );
    client.socket.end(Buffer.concat(writes));
    expect((await client.untilClosed()).toString('latin1')).toBe('+OK\r\n'.repeat(writes.length));
  });

  test('follows flex-hot-threshold', async () => {
    const hot = async () => Number((await info(client)).flex_hot_bytes);
    expect(await client.call('CONFIG', 'SET', 'flex-hot-threshold', '0.6')).toBe('OK');
    await eventually(
      async () => Number((await info(client)).used_memory) < budgetBytes * 0.62,
      'memory has come down',
    );
    const low = await hot();
    expect(await client.call('CONFIG', 'SET', 'flex-hot-threshold', '0.95')).toBe('OK');
    const writes = Array.from({ length: 6000 }, (_, index) => ['SET', `key:${index}`, textOf(index)]);
    await callAll(client, writes, '+OK\r\n');
    expect(await hot()).toBeGreaterThan(low + 3 * MB);
    expect(errorText(await client.call('CONFIG', 'SET', 'flex-hot-threshold', '1.1'))).toMatch(
      /^ERR CONFIG SET/,
    );
  });

  test.each([['SYNC'], ['ASYNC']])('FLUSHALL %s empties both tiers', async (mode) => {
    await callAll(
      client,
      Array.from({ length: 10_000 }, (_, index) => ['SET', `key:${index}`, textOf(index)]),
      '+OK\r\n',
    );
    expect(await client.call('FLUSHALL', mode)).toBe('OK');
    expect(await client.call('DBSIZE')).toBe(0);
    expect(await client.call('GET', 'key:1')).toBe(null);
    expect(await client.call('SCAN', '0')).toEqual(['0', []]);
    await client.call('SET', 'key:1', 'again');
    expect(await client.call('GET', 'key:1')).toBe('again');
    await eventually(async () => {
      const figures = await info(client);
      return figures.lazyfree_pending_objects === '0' && Number(figures.flex_hot_bytes) < 4096;
    }, 'all is freed');
    const figures = await info(client);
    expect(Number(figures.flex_hot_keys) + Number(figures.flex_cold_keys)).toBe(1);
    await client.call('FLUSHALL');
  });
});

describe('a full SSD budget', () => {
  const full = { ...FLEX, maxmemory: '16mb', 'flex-storage-limit': '32mb', 'maxmemory-samples': 10 };
  const value = createGenerator(9).bytes(500).toString('hex');

  test('evicts by maxmemory-policy', async () => {
    const server = await startThermocline({ ...full, 'maxmemory-policy': 'allkeys-lru' });
    const client = await connect(server.port);
    const writes = Array.from({ length: 80_000 }, (_, index) => ['SET', `key:${index}`, `${index}:${value}`]);
    await callAll(client, writes, '+OK\r\n');
    const figures = await info(client);
    expect(Number(figures.evicted_keys)).toBeGreaterThan(20_000);
    expect(await client.call('DBSIZE')).toBe(80_000 - Number(figures.evicted_keys));
    expect(Number(figures.flex_file_bytes)).toBeLessThan(40 * MB);
    let found = 0;
    for (let index = 0; index < 80_000; index += 40) {
      const reply = await client.call('GET', `key:${index}`);
      if (reply !== null) expect([index, reply]).toEqual([index, `${index}:${value}`]);
      if (reply !== null) found++;
    }
    expect(found).toBeGreaterThan(200);
  });

  test('refuses writes without a policy, and takes them once there is room', async () => {
    const server = await startThermocline(full);
    const client = await connect(server.port);
    let refused = 0;
    for (let at = 0; at < 80_000; at += 1000) {
      const batch = Array.from({ length: 1000 }, (_, index) =>
        encodeCommand('SET', `key:${at + index}`, value),
      );
      client.send(Buffer.concat(batch));
      for (const reply of await client.rawReplies(1000)) {
        if (`${reply}` === '+OK\r\n') continue;
        expect(`${reply}`).toMatch(/^-OOM /);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(10_000);
    expect(await client.call('DBSIZE')).toBe(80_000 - refused);
    expect(await client.call('GET', 'key:100')).toBe(value);
    await client.call('CONFIG', 'SET', 'flex-storage-limit', '0');
    await callAll(
      client,
      Array.from({ length: 5000 }, (_, index) => ['SET', `more:${index}`, value]),
      '+OK\r\n',
    );
  });
});
