import { describe, expect, test } from 'vitest';
import { connect, type TestClient } from '../support/client.ts';
import { hasRedis, startRedis, startThermocline } from '../support/servers.ts';

async function both(): Promise<[ours: TestClient, theirs: TestClient]> {
  const [thermocline, redis] = await Promise.all([startThermocline(), startRedis()]);
  const clients = await Promise.all([connect(thermocline.port), connect(redis.port)]);
  for (const client of clients) {
    await client.call('SET', 'k', 'v', 'EX', '1000');
    await client.call('NOSUCH');
  }
  return clients as [TestClient, TestClient];
}

/** Directives of redis-server 7.0.15 that Thermocline does not have. */
const ABSENT_DIRECTIVES: readonly string[] = [];

describe.skipIf(!hasRedis)('CONFIG GET', () => {
  test('has the directives of Redis, but for those listed as absent', async () => {
    const [ours, theirs] = await both();
    const names = async (client: TestClient) =>
      ((await client.call('CONFIG', 'GET', '*')) as string[]).filter((_, at) => at % 2 === 0);
    const had = await names(ours);
    expect((await names(theirs)).filter((name) => !had.includes(name)).sort()).toEqual(
      [...ABSENT_DIRECTIVES].sort(),
    );
  });
});
