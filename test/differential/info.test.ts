import { beforeAll, describe, expect, test } from 'vitest';
import { connect, type TestClient } from '../support/client.ts';
import { hasRedis, startRedis, startThermocline } from '../support/servers.ts';

/** Fields of redis-server 7.0.15 that are left out, and why. */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['atomicvar_api', 'how its C code was compiled'],
  ['gcc_version', 'how its C code was compiled: node_version is in its place'],
  ['expired_stale_perc', 'an estimate of its sampling; expired keys are found here by an index'],
  ['reply_buffer_shrinks', 'clients have no reply buffers of their own'],
  ['reply_buffer_expands', 'clients have no reply buffers of their own'],
]);

/** What Redis 8 tells besides (redis.io/docs/latest/commands/info). */
const REDIS_8: Readonly<Record<string, readonly string[]>> = {
  Server: ['listener0'],
  Clients: ['pubsub_clients', 'watching_clients', 'total_watched_keys', 'total_blocking_keys'],
  Memory: ['mem_overhead_db_hashtable_rehashing', 'used_memory_scripts_eval'],
  Threads: ['io_thread_0'],
  Stats: [
    'expired_subkeys',
    'evicted_scripts',
    'client_query_buffer_limit_disconnections',
    'client_output_buffer_limit_disconnections',
    'acl_access_denied_auth',
    'acl_access_denied_cmd',
    'acl_access_denied_key',
    'acl_access_denied_channel',
    'eventloop_cycles',
    'eventloop_duration_sum',
    'eventloop_duration_cmd_sum',
    'instantaneous_eventloop_cycles_per_sec',
    'instantaneous_eventloop_duration_usec',
  ],
};

type Sections = Map<string, Map<string, string>>;

async function sectionsOf(client: TestClient, ...words: string[]): Promise<Sections> {
  const sections: Sections = new Map();
  let fields = new Map<string, string>();
  for (const line of `${await client.call('INFO', ...words)}`.split('\r\n')) {
    if (line.startsWith('# ')) {
      fields = new Map();
      sections.set(line.slice(2), fields);
    } else if (line !== '') {
      fields.set(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1));
    }
  }
  return sections;
}

describe.runIf(hasRedis)('INFO beside redis-server', () => {
  let ours: TestClient;
  let theirs: TestClient;

  beforeAll(async () => {
    const [thermocline, redis] = await Promise.all([startThermocline(), startRedis()]);
    [ours, theirs] = await Promise.all([connect(thermocline.port), connect(redis.port)]);
    for (const client of [ours, theirs]) {
      await client.call('SET', 'key', 'value', 'EX', 1000);
      await client.call('HSET', 'hash', 'field', 'value');
      await client.call('GET', 'missing');
      await client.call('LPUSH', 'key', 'value');
      await client.call('CONFIG', 'GET', 'maxmemory');
      await client.call('CONFIG', 'SET', 'appendonly', 'yes');
    }
  });

  test.each([
    [[]],
    [['server']],
    [['SERVER', 'clients']],
    [['default']],
    [['default', 'commandstats']],
    [['all']],
    [['everything']],
    [['keyspace', 'nosuch', 'keyspace']],
    [['errorstats']],
  ])('the sections of %j, in their order', async (words) => {
    const names = (sections: Sections) => [...sections.keys()];
    const added = ['Threads', 'Flex'];
    expect(names(await sectionsOf(ours, ...words)).filter((name) => !added.includes(name))).toEqual(
      names(await sectionsOf(theirs, ...words)),
    );
  });

  test('every field is there but for those that are named', async () => {
    const mine = await sectionsOf(ours, 'everything');
    const missing: string[] = [];
    for (const [section, fields] of await sectionsOf(theirs, 'everything')) {
      for (const field of fields.keys())
        if (mine.get(section)?.has(field) !== true && !LEFT_OUT.has(field))
          missing.push(`${section}: ${field}`);
    }
    expect(missing).toEqual([]);
    for (const [section, fields] of Object.entries(REDIS_8))
      expect([...(mine.get(section)?.keys() ?? [])]).toEqual(expect.arrayContaining([...fields]));
  });

  test('values look alike', async () => {
    const mine = await sectionsOf(ours, 'everything');
    const shape = (value: string) =>
      value
        .replace(/[0-9a-f]{16,40}/g, 'hex')
        .replace(/\d+\.\d\d[KMGB]|\d+B\b/g, 'size')
        .replace(
          /-?\d+(\.(\d+))?/g,
          (_, __, digits: string | undefined) => `n${digits === undefined ? '' : '.n'}`,
        );
    /** Whose values are words that differ by nature. */
    const free =
      /^(redis_version|os|multiplexing_api|executable|config_file|mem_allocator|run_id|listener0|db\d+|redis_build_id|redis_git_sha1|master_replid2?|used_memory_rss_human)$/;
    const differing: string[] = [];
    for (const [section, fields] of await sectionsOf(theirs, 'everything')) {
      for (const [field, value] of fields) {
        const found = mine.get(section)?.get(field);
        if (found === undefined || free.test(field) || /_human$/.test(field)) continue;
        if (shape(found) !== shape(value)) differing.push(`${field}: ${found} for ${value}`);
      }
    }
    expect(differing).toEqual([]);
  });

  test('what the commands did is counted alike', async () => {
    const mine = await sectionsOf(ours, 'everything');
    const other = await sectionsOf(theirs, 'everything');
    const counted = [
      ['Stats', 'keyspace_hits'],
      ['Stats', 'keyspace_misses'],
      ['Stats', 'expired_keys'],
      ['Clients', 'connected_clients'],
      ['Clients', 'maxclients'],
      ['Errorstats', 'errorstat_WRONGTYPE'],
      ['Persistence', 'rdb_changes_since_last_save'],
    ] as const;
    for (const [section, field] of counted)
      expect([field, mine.get(section)?.get(field)]).toEqual([field, other.get(section)?.get(field)]);
    const calls = (sections: Sections) =>
      [...(sections.get('Commandstats') ?? [])].map(
        ([name, value]) => `${name} ${value.replace(/usec=\d+,usec_per_call=[\d.]+,/, '')}`,
      );
    // Redis gives them in the order of a hash table. INFO has been called several times by now.
    const sorted = (of: Sections) =>
      calls(of)
        .filter((line) => !line.startsWith('cmdstat_info'))
        .sort();
    expect(sorted(mine)).toEqual(sorted(other));
  });

  test('an unknown section is empty', async () => {
    expect(await ours.call('INFO', 'nonsense')).toBe(await theirs.call('INFO', 'nonsense'));
  });
});
