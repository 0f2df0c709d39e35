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

/** Names of fields by section of INFO. */
function sections(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let fields: string[] = [];
  for (const line of text.split('\r\n')) {
    if (line.startsWith('# ')) {
      fields = [];
      found.set(line.slice(2), fields);
    } else if (line !== '') fields.push(line.split(':')[0]);
  }
  return found;
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Fields of redis-server 7.0.15 that Thermocline does not have, since it has not what they tell of. */
const ABSENT_FIELDS: Record<string, readonly string[]> = {
  CPU: words(`
    used_cpu_sys_children used_cpu_user_children used_cpu_sys_main_thread used_cpu_user_main_thread
`),
  Clients: words(`
    cluster_connections
`),
  Memory: words(`
    used_memory_startup allocator_frag_ratio allocator_frag_bytes allocator_rss_ratio allocator_rss_bytes
    rss_overhead_ratio rss_overhead_bytes mem_replication_backlog mem_total_replication_buffers
    mem_clients_slaves mem_cluster_links active_defrag_running lazyfreed_objects
`),
  Server: words(`
    redis_git_sha1 redis_git_dirty redis_build_id monotonic_clock atomicvar_api gcc_version
    io_threads_active
`),
  Stats: words(`
    total_net_repl_input_bytes total_net_repl_output_bytes instantaneous_input_repl_kbps
    instantaneous_output_repl_kbps sync_full sync_partial_ok sync_partial_err expired_stale_perc
    expire_cycle_cpu_milliseconds total_eviction_exceeded_time current_eviction_exceeded_time
    latest_fork_usec total_forks
    migrate_cached_sockets slave_expires_tracked_keys active_defrag_hits active_defrag_misses
    active_defrag_key_hits active_defrag_key_misses total_active_defrag_time current_active_defrag_time
    dump_payload_sanitizations
    io_threaded_reads_processed io_threaded_writes_processed reply_buffer_shrinks reply_buffer_expands
`),
};

/** Sections that Thermocline does not have yet. */
const ABSENT_SECTIONS = ['Latencystats'];

/** Directives of redis-server 7.0.15 that Thermocline does not have. */
const ABSENT_DIRECTIVES: readonly string[] = [];

describe.skipIf(!hasRedis)('INFO', () => {
  test('has the sections and fields of Redis, but for those listed as absent', async () => {
    const [ours, theirs] = await both();
    const wanted = sections(String(await theirs.call('INFO', 'all')));
    const had = sections(String(await ours.call('INFO', 'all')));
    const absent: Record<string, string[]> = {};
    for (const [section, fields] of wanted) {
      const missing = fields.filter(
        (field) => !had.get(section)?.includes(field) && !/^(cmdstat|latency_percentiles)_/.test(field),
      );
      if (missing.length > 0) absent[section] = missing;
    }
    expect(absent).toEqual(ABSENT_FIELDS);
  });

  test.each([
    [[]],
    [['server']],
    [['SERVER', 'clients']],
    [['default']],
    [['default', 'commandstats']],
    [['all']],
    [['everything']],
    [['nosuch']],
    [['keyspace', 'nosuch', 'keyspace']],
    [['errorstats']],
  ])('%j gives the sections that Redis gives', async (names) => {
    const [ours, theirs] = await both();
    const titles = async (client: TestClient) =>
      [...sections(String(await client.call('INFO', ...names))).keys()].filter(
        (title) => title !== 'Flex' && !ABSENT_SECTIONS.includes(title),
      );
    expect((await titles(ours)).sort()).toEqual((await titles(theirs)).sort());
  });
});

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
