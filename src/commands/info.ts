import { Crc64 } from '../base/crc64.ts';
import { exists, readText } from '../base/files.ts';
import type { Call } from '../command-table/call.ts';
import type { Command } from '../command-table/command.ts';
import type { LoadingReport } from '../command-table/persistence-control.ts';
import type { CommandRow } from '../command-table/row.ts';
import { averageTtlMs } from '../keyspace/average-ttl.ts';
import { appendLogFields } from './aof.ts';
import { argument, OPTIONAL, oneOf, token } from './common-docs.ts';
import { allCommands } from './config.ts';
import { checkpointFields, tierFields } from './flex.ts';
import { shares } from './memory.ts';

type Fields = readonly (readonly [name: string, value: string | number])[];

/** A size as Redis shows it to people (bytesToHuman). */
export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const units = ['K', 'M', 'G', 'T', 'P'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(2)}${units[unit]}`;
}

function server(call: Call): Fields {
  const { services, keyspace } = call;
  const facts = services.server;
  const uptime = Math.max(0, Math.floor((keyspace.nowMs - facts.startMs) / 1000));
  const { hz } = services.config.values;
  return [
    ['redis_version', facts.redisVersion],
    ['thermocline_version', facts.version],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', buildId(facts.version)],
    ['redis_mode', 'standalone'],
    ['os', facts.operatingSystem],
    ['arch_bits', 64],
    ['monotonic_clock', 'POSIX clock_gettime'],
    ['multiplexing_api', 'libuv'],
    ['node_version', process.version],
    ['process_id', facts.processId],
    ['process_supervised', services.config.values.supervised],
    ['run_id', facts.runId],
    ['tcp_port', facts.port],
    ['server_time_usec', Math.floor(services.clock.wallMs() * 1000)],
    ['uptime_in_seconds', uptime],
    ['uptime_in_days', Math.floor(uptime / 86400)],
    ['hz', hz],
    ['configured_hz', hz],
    ['lru_clock', Math.floor(keyspace.nowMs / 1000) & 0xffffff],
    ['executable', facts.executable],
    ['config_file', facts.configFile],
    ['io_threads_active', 0],
    ...facts.listeners().map(({ name, addresses, port }, at): [string, string] => {
      const binds = addresses.map((address) => `,bind=${address}`).join('');
      return [`listener${at}`, `name=${name}${binds}${port === 0 ? '' : `,port=${port}`}`];
    }),
  ];
}

/** Tells builds apart: of the same version and Node they are the same. */
function buildId(version: string): string {
  const bytes = Buffer.from(`${version} ${process.version} ${process.arch}`);
  const checksum = new Crc64();
  checksum.update(bytes, 0, bytes.length);
  const hexadecimal = (half: number) => (half >>> 0).toString(16).padStart(8, '0');
  return hexadecimal(checksum.high) + hexadecimal(checksum.low);
}

function clients(call: Call): Fields {
  const { services } = call;
  const { clientPeaks } = services.statistics;
  let watching = 0;
  let subscribers = 0;
  for (const client of services.clients.values()) {
    if (client.watched.size > 0) watching++;
    if (client.isSubscriber) subscribers++;
  }
  return [
    ['connected_clients', services.clients.size],
    ['cluster_connections', 0],
    ['maxclients', services.config.values.maxclients],
    ['client_recent_max_input_buffer', clientPeaks.inputBytes],
    ['client_recent_max_output_buffer', clientPeaks.outputBytes],
    ['blocked_clients', services.blocking.clients.size],
    ['tracking_clients', services.tracking.clientCount],
    ['pubsub_clients', subscribers],
    ['watching_clients', watching],
    ['clients_in_timeout_table', services.blocking.timedCount],
    ['total_watched_keys', services.watches.keyCount],
    ['total_blocking_keys', services.blocking.keyCount],
    ['total_blocking_keys_on_nokey', services.blocking.endingKeyCount],
  ];
}

function memory(call: Call): Fields {
  const { services, keyspace } = call;
  const report = services.memory();
  const scripts = services.scripts.report;
  const { maxmemory } = services.config.values;
  const overhead = report.used - report.records;
  const share = shares(report);
  return [
    ['used_memory', report.used],
    ['used_memory_human', humanBytes(report.used)],
    ['used_memory_rss', report.resident],
    ['used_memory_rss_human', humanBytes(report.resident)],
    ['used_memory_rss_anonymous', report.residentAnonymous],
    ['used_memory_peak', report.peak],
    ['used_memory_peak_human', humanBytes(report.peak)],
    ['used_memory_peak_perc', `${((report.used / Math.max(1, report.peak)) * 100).toFixed(2)}%`],
    ['used_memory_overhead', overhead],
    ['used_memory_startup', report.startup],
    ['used_memory_dataset', report.records],
    ['used_memory_dataset_perc', `${((report.records / Math.max(1, report.used)) * 100).toFixed(2)}%`],
    ['used_memory_index', report.index],
    ['used_memory_tier', report.tierBuffers],
    ['allocator_allocated', report.records],
    ['allocator_active', report.slabs],
    ['allocator_resident', report.touched],
    ['total_system_memory', services.server.systemMemory],
    ['total_system_memory_human', humanBytes(services.server.systemMemory)],
    ['used_memory_vm_eval', scripts.scriptMachineBytes],
    ['used_memory_lua', scripts.scriptMachineBytes],
    ['used_memory_lua_human', humanBytes(scripts.scriptMachineBytes)],
    ['used_memory_scripts_eval', scripts.scriptBytes],
    ['number_of_cached_scripts', scripts.scriptCount],
    ['number_of_functions', scripts.functionCount],
    ['number_of_libraries', scripts.libraryCount],
    ['used_memory_vm_functions', scripts.functionMachineBytes],
    ['used_memory_vm_total', scripts.scriptMachineBytes + scripts.functionMachineBytes],
    ['used_memory_vm_total_human', humanBytes(scripts.scriptMachineBytes + scripts.functionMachineBytes)],
    ['used_memory_functions', scripts.functionBytes],
    ['used_memory_scripts', scripts.scriptBytes + scripts.functionBytes],
    ['used_memory_scripts_human', humanBytes(scripts.scriptBytes + scripts.functionBytes)],
    ['maxmemory', maxmemory],
    ['maxmemory_human', humanBytes(maxmemory)],
    ['maxmemory_effective', services.memoryLimit],
    ['maxmemory_policy', services.config.values['maxmemory-policy']],
    ['allocator_frag_ratio', share.blockFragmentation.toFixed(2)],
    ['allocator_frag_bytes', share.blockFragmentationBytes],
    ['allocator_rss_ratio', share.arenaResident.toFixed(2)],
    ['allocator_rss_bytes', share.arenaResidentBytes],
    ['rss_overhead_ratio', share.processResident.toFixed(2)],
    ['rss_overhead_bytes', share.processResidentBytes],
    ['mem_fragmentation_ratio', share.fragmentation.toFixed(2)],
    ['mem_fragmentation_bytes', share.fragmentationBytes],
    ['mem_not_counted_for_evict', 0],
    ['mem_replication_backlog', 0],
    ['mem_total_replication_buffers', 0],
    ['mem_clients_slaves', 0],
    ['mem_clients_normal', report.clientsNormal],
    ['mem_cluster_links', 0],
    ['mem_aof_buffer', services.appendLog.report.bufferBytes],
    ['mem_allocator', 'thermocline-arena'],
    ['mem_overhead_db_hashtable_rehashing', 0],
    ['active_defrag_running', 0],
    ['lazyfree_pending_objects', services.pendingFreeCount],
    ['lazyfreed_objects', services.statistics.lazyFreedObjects],
    ['keys_index_capacity', keyspace.databases.reduce((sum, database) => sum + database.table.capacity, 0)],
  ];
}

function stats(call: Call): Fields {
  const { services, keyspace } = call;
  const { statistics } = services;
  const { nowMs, statistics: keys } = keyspace;
  const cyclesPerSecond = statistics.cyclesPerSecond.perSecond;
  const cycleMicroseconds =
    cyclesPerSecond === 0 ? 0 : statistics.eventLoopPerSecond.perSecond / cyclesPerSecond;
  let commandMicroseconds = 0;
  for (const command of services.table.commands) commandMicroseconds += timeOf(command);
  return [
    ['total_connections_received', statistics.connectionsReceived],
    ['total_commands_processed', statistics.commandsProcessed],
    ['instantaneous_ops_per_sec', Math.round(statistics.operationsPerSecond.perSecond)],
    ['total_net_input_bytes', statistics.bytesReceived],
    ['total_net_output_bytes', statistics.bytesSent],
    ['total_net_repl_input_bytes', 0],
    ['total_net_repl_output_bytes', 0],
    ['instantaneous_input_kbps', (statistics.inputPerSecond.perSecond / 1024).toFixed(2)],
    ['instantaneous_output_kbps', (statistics.outputPerSecond.perSecond / 1024).toFixed(2)],
    ['instantaneous_input_repl_kbps', '0.00'],
    ['instantaneous_output_repl_kbps', '0.00'],
    ['rejected_connections', statistics.connectionsRejected],
    ['sync_full', 0],
    ['sync_partial_ok', 0],
    ['sync_partial_err', 0],
    ['expired_keys', keys.expiredKeys],
    ['expired_subkeys', keys.expiredFields],
    ['expired_time_cap_reached_count', keys.expiredTimeCapReached],
    ['expire_cycle_cpu_milliseconds', Math.floor(statistics.expiryMicroseconds / 1000)],
    ['evicted_keys', keys.evictedKeys],
    ['evicted_clients', statistics.evictedClients],
    ['evicted_scripts', services.scripts.report.evictedScripts],
    ['total_eviction_exceeded_time', Math.floor(statistics.overLimit.totalMs(nowMs))],
    ['current_eviction_exceeded_time', Math.floor(statistics.overLimit.presentMs(nowMs))],
    ['keyspace_hits', keys.hits],
    ['keyspace_misses', keys.misses],
    ['pubsub_channels', services.publications.channels.size],
    ['pubsub_patterns', services.publications.patterns.size],
    ['pubsubshard_channels', services.publications.shardChannels.size],
    ['latest_fork_usec', 0],
    ['total_forks', 0],
    ['migrate_cached_sockets', 0],
    ['slave_expires_tracked_keys', 0],
    ['active_defrag_hits', 0],
    ['active_defrag_misses', 0],
    ['active_defrag_key_hits', 0],
    ['active_defrag_key_misses', 0],
    ['total_active_defrag_time', 0],
    ['current_active_defrag_time', 0],
    ['client_query_buffer_limit_disconnections', statistics.clientQueryBufferLimitDisconnections],
    ['client_output_buffer_limit_disconnections', statistics.clientOutputBufferLimitDisconnections],
    ['tracking_total_keys', services.tracking.keyCount],
    ['tracking_total_items', services.tracking.itemCount],
    ['tracking_total_prefixes', services.tracking.prefixCount],
    ['unexpected_error_replies', statistics.unexpectedErrorReplies],
    ['total_error_replies', statistics.errorReplies],
    ['dump_payload_sanitizations', services.table.named('restore')?.statistics.calls ?? 0],
    ['total_reads_processed', statistics.readsProcessed],
    ['total_writes_processed', statistics.writesProcessed],
    ['io_threaded_reads_processed', 0],
    ['io_threaded_writes_processed', 0],
    ['eventloop_cycles', statistics.eventLoopCycles],
    ['eventloop_duration_sum', Math.round(statistics.eventLoopMicroseconds)],
    ['eventloop_duration_cmd_sum', Math.round(commandMicroseconds)],
    ['instantaneous_eventloop_cycles_per_sec', Math.round(cyclesPerSecond)],
    ['instantaneous_eventloop_duration_usec', Math.round(cycleMicroseconds)],
    ['eventloop_longest_cycle_us', Math.round(statistics.longestTickMicroseconds)],
    ['acl_access_denied_auth', services.users.denialCounts.auth],
    ['acl_access_denied_cmd', services.users.denialCounts.command],
    ['acl_access_denied_key', services.users.denialCounts.key],
    ['acl_access_denied_channel', services.users.denialCounts.channel],
    ['acl_access_denied_tls_cert', services.users.denialCounts['tls-cert']],
  ];
}

/** Microseconds that a command and its subcommands have run. */
function timeOf(command: Command): number {
  let microseconds = command.statistics.microseconds;
  for (const subcommand of command.subcommands?.commands ?? []) microseconds += timeOf(subcommand);
  return microseconds;
}

function replication(call: Call): Fields {
  return [
    ['role', 'master'],
    ['connected_slaves', 0],
    ['master_failover_state', 'no-failover'],
    ['master_replid', call.services.server.replicationId],
    ['master_replid2', '0'.repeat(40)],
    ['master_repl_offset', 0],
    ['second_repl_offset', -1],
    ['repl_backlog_active', 0],
    ['repl_backlog_size', call.services.config.values['repl-backlog-size']],
    ['repl_backlog_first_byte_offset', 0],
    ['repl_backlog_histlen', 0],
  ];
}

function persistence(call: Call): Fields {
  const {
    loading: snapshotLoading,
    keptBytes,
    keptBytesPeak,
    lastKeptBytes,
    keyCount,
    keysDone,
    isSaving,
    hasFailed,
    ...report
  } = call.services.persistence.report;
  const loading = call.services.appendLog.loading ?? snapshotLoading;
  return [
    ['loading', loading === null ? 0 : 1],
    ['async_loading', 0],
    ['current_cow_peak', keptBytesPeak],
    ['current_cow_size', keptBytes],
    ['current_cow_size_age', 0],
    ['current_fork_perc', ((keysDone / Math.max(1, keyCount)) * 100).toFixed(2)],
    ['current_save_keys_processed', keysDone],
    ['current_save_keys_total', keyCount],
    ['rdb_changes_since_last_save', report.changes],
    ['rdb_bgsave_in_progress', isSaving ? 1 : 0],
    ['rdb_last_save_time', report.lastSaveSeconds],
    ['rdb_last_bgsave_status', hasFailed ? 'err' : 'ok'],
    ['rdb_last_bgsave_time_sec', report.lastDurationSeconds],
    ['rdb_current_bgsave_time_sec', report.currentDurationSeconds],
    ['rdb_saves', report.saves],
    ['rdb_last_cow_size', lastKeptBytes],
    ['rdb_last_load_keys_expired', report.expiredKeys],
    ['rdb_last_load_keys_loaded', report.loadedKeys],
    ...appendLogFields(call),
    ...(loading === null ? [] : loadingFields(loading)),
  ];
}

function loadingFields(loading: LoadingReport): Fields {
  const { startSeconds, totalBytes, loadedBytes, elapsedSeconds } = loading;
  const secondsLeft =
    loadedBytes === 0 ? 1 : Math.floor((elapsedSeconds * (totalBytes - loadedBytes)) / loadedBytes);
  return [
    ['loading_start_time', startSeconds],
    ['loading_total_bytes', totalBytes],
    ['loading_loaded_bytes', loadedBytes],
    ['loading_loaded_perc', ((loadedBytes / Math.max(1, totalBytes)) * 100).toFixed(2)],
    ['loading_eta_seconds', secondsLeft],
  ];
}

function cpu(): Fields {
  const usage = process.resourceUsage();
  const seconds = (microseconds: number) => (microseconds / 1e6).toFixed(6);
  return [
    ['used_cpu_sys', seconds(usage.systemCPUTime)],
    ['used_cpu_user', seconds(usage.userCPUTime)],
    ['used_cpu_sys_children', seconds(0)],
    ['used_cpu_user_children', seconds(0)],
    ...mainThreadTimes(),
  ];
}

const MAIN_THREAD_STATUS = `/proc/self/task/${process.pid}/stat`;
/** The unit of Linux for the times of a thread (USER_HZ), which does not depend on the kernel's own. */
const TICKS_PER_SECOND = 100;

/** The main thread's part; nothing where the system does not tell. */
function mainThreadTimes(): Fields {
  if (!exists(MAIN_THREAD_STATUS)) return [];
  // After the name, which is in parentheses and may hold spaces, utime and stime are the 12th and 13th fields (proc(5)).
  const words = readText(MAIN_THREAD_STATUS).split(') ')[1].split(' ');
  const seconds = (ticks: string) => (Number(ticks) / TICKS_PER_SECOND).toFixed(6);
  return [
    ['used_cpu_sys_main_thread', seconds(words[12])],
    ['used_cpu_user_main_thread', seconds(words[11])],
  ];
}

/** One thread reads, runs and writes. */
function threads(call: Call): Fields {
  const { clients, statistics } = call.services;
  const { readsProcessed, writesProcessed } = statistics;
  return [['io_thread_0', `clients=${clients.size},reads=${readsProcessed},writes=${writesProcessed}`]];
}

function commandstats(call: Call): Fields {
  const fields: [string, string][] = [];
  for (const command of allCommands(call.services.table)) {
    const { calls, microseconds, rejectedCalls, failedCalls } = command.statistics;
    if (calls + rejectedCalls === 0) continue;
    const each = calls === 0 ? 0 : microseconds / calls;
    fields.push([
      `cmdstat_${command.fullName}`,
      `calls=${calls},usec=${Math.round(microseconds)},usec_per_call=${each.toFixed(2)},rejected_calls=${rejectedCalls},failed_calls=${failedCalls}`,
    ]);
  }
  return fields;
}

function latencystats(call: Call): Fields {
  const { table, config } = call.services;
  const fields: [string, string][] = [];
  if (!config.values['latency-tracking']) return fields;
  const percents = config.values['latency-tracking-info-percentiles'];
  for (const command of allCommands(table)) {
    const { durations } = command.statistics;
    if (durations.count === 0) continue;
    const values = percents.map((percent) => `p${percent}=${durations.percentile(percent).toFixed(3)}`);
    fields.push([`latency_percentiles_usec_${command.fullName}`, values.join(',')]);
  }
  return fields;
}

function errorstats(call: Call): Fields {
  return [...call.services.statistics.errors].map(([code, count]) => [`errorstat_${code}`, `count=${count}`]);
}

function keyspaceSection(call: Call): Fields {
  const fields: [string, string][] = [];
  for (const database of call.keyspace.databases) {
    if (database.size === 0) continue;
    const average = Math.round(averageTtlMs(database, call.keyspace.nowMs));
    fields.push([
      `db${database.number}`,
      `keys=${database.size},expires=${database.expiringCount},avg_ttl=${average},subexpiry=${database.fieldExpiringCount}`,
    ]);
  }
  return fields;
}

function flex(call: Call): Fields {
  const { services, keyspace } = call;
  if (services.tier === null) return [['flex_enabled', 0]];
  const { hotHits, coldHits } = keyspace.statistics;
  return [
    ['flex_enabled', 1],
    ['flex_memory_budget', services.memoryLimit],
    ['flex_hot_threshold', services.config.values['flex-hot-threshold']],
    ...tierFields(services.tier.report(), hotHits, coldHits),
    ...(services.checkpoints === null ? [] : checkpointFields(services.checkpoints.report)),
  ];
}

interface Section {
  readonly name: string;
  readonly title: string;
  readonly isDefault: boolean;
  readonly fields: (call: Call) => Fields;
}

const SECTIONS: readonly Section[] = [
  { name: 'server', title: 'Server', isDefault: true, fields: server },
  { name: 'clients', title: 'Clients', isDefault: true, fields: clients },
  { name: 'memory', title: 'Memory', isDefault: true, fields: memory },
  { name: 'persistence', title: 'Persistence', isDefault: true, fields: persistence },
  { name: 'threads', title: 'Threads', isDefault: true, fields: threads },
  { name: 'stats', title: 'Stats', isDefault: true, fields: stats },
  { name: 'replication', title: 'Replication', isDefault: true, fields: replication },
  { name: 'cpu', title: 'CPU', isDefault: true, fields: cpu },
  { name: 'modules', title: 'Modules', isDefault: true, fields: () => [] },
  { name: 'commandstats', title: 'Commandstats', isDefault: false, fields: commandstats },
  { name: 'errorstats', title: 'Errorstats', isDefault: true, fields: errorstats },
  { name: 'latencystats', title: 'Latencystats', isDefault: false, fields: latencystats },
  { name: 'cluster', title: 'Cluster', isDefault: true, fields: () => [['cluster_enabled', 0]] },
  { name: 'flex', title: 'Flex', isDefault: true, fields: flex },
  { name: 'keyspace', title: 'Keyspace', isDefault: true, fields: keyspaceSection },
];

/** The fields of the sections that hold single figures, by name: for what tells them in another way. */
export function infoFigures(call: Call): ReadonlyMap<string, string | number> {
  const sections = [server, clients, memory, persistence, stats, replication, cpu, flex];
  return new Map(sections.flatMap((fields) => fields(call).map(([name, value]) => [name, value] as const)));
}

function info(call: Call): void {
  const { words, reply } = call;
  const wanted = new Set<string>();
  for (let at = 1; at < words.count; at++) wanted.add(words.text(at).toLowerCase());
  const everything = wanted.has('all') || wanted.has('everything');
  const defaults = wanted.size === 0 || wanted.has('default');
  const texts: string[] = [];
  for (const section of SECTIONS) {
    if (!everything && !(defaults && section.isDefault) && !wanted.has(section.name)) continue;
    const lines = section.fields(call).map(([name, value]) => `${name}:${value}\r\n`);
    texts.push(`# ${section.title}\r\n${lines.join('')}`);
  }
  reply.verbatim('txt', texts.join('\r\n'));
}

function shutdown(call: Call): void {
  const { words, reply, services } = call;
  let save: 'default' | 'save' | 'nosave' = 'default';
  let now = false;
  let force = false;
  let abort = false;
  for (let at = 1; at < words.count; at++) {
    if (words.is(at, 'nosave') && save === 'default') save = 'nosave';
    else if (words.is(at, 'save') && save === 'default') save = 'save';
    else if (words.is(at, 'now')) now = true;
    else if (words.is(at, 'force')) force = true;
    else if (words.is(at, 'abort')) abort = true;
    else {
      reply.error('ERR syntax error');
      return;
    }
  }
  if (abort && words.count > 2) {
    reply.error('ERR syntax error');
    return;
  }
  if (abort) {
    reply.error('ERR No shutdown in progress.');
    return;
  }
  const error = services.shutdown({ save, now, force });
  if (error !== undefined) reply.error(error);
}

const row = { group: 'server', need: 'none', keys: [] } as const;

export const SERVER_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'info',
    categories: ['dangerous'],
    summary: 'Returns information and statistics about the server.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: -1,
    flags: ['loading', 'stale'],
    history: [['7.0.0', 'Takes several sections.']],
    hints: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
    arguments: [argument('section', 'string', { multiple: true, optional: true })],
    differences:
      'Has a section `flex`; what `cow` fields tell is the RAM in what a snapshot keeps of changed data.',
    execute: info,
  },
  {
    ...row,
    name: 'shutdown',
    categories: [],
    summary: 'Shuts the server down.',
    since: '1.0.0',
    complexity: 'O(N) when saving, in the number of keys in all databases, otherwise O(1)',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
    history: [['7.0.0', 'Added the `NOW`, `FORCE` and `ABORT` modifiers.']],
    arguments: [
      oneOf('nosave_save', [token('nosave'), token('save')], OPTIONAL),
      ...['now', 'force', 'abort'].map((name) => token(name, { since: '7.0.0', optional: true })),
    ],
    execute: shutdown,
  },
];
