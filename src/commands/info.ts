import type { Call } from '../command-table/call.ts';
import type { LoadingReport } from '../command-table/persistence-control.ts';
import type { CommandRow } from '../command-table/row.ts';
import { appendLogFields } from './aof.ts';
import { argument, OPTIONAL, oneOf, token } from './common-docs.ts';
import { allCommands } from './config.ts';
import { tierFields } from './flex.ts';

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
    ['redis_mode', 'standalone'],
    ['os', facts.operatingSystem],
    ['arch_bits', 64],
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
  ];
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
  const ratio = report.used === 0 ? 0 : report.resident / report.used;
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
    ['mem_fragmentation_ratio', ratio.toFixed(2)],
    ['mem_fragmentation_bytes', report.resident - report.used],
    ['mem_clients_normal', report.clientsNormal],
    ['mem_aof_buffer', services.appendLog.report.bufferBytes],
    ['mem_not_counted_for_evict', 0],
    ['mem_allocator', 'thermocline-arena'],
    ['lazyfree_pending_objects', services.pendingFreeCount],
    ['keys_index_capacity', keyspace.databases.reduce((sum, database) => sum + database.table.capacity, 0)],
  ];
}

function stats(call: Call): Fields {
  const { services, keyspace } = call;
  const { statistics } = services;
  const keys = keyspace.statistics;
  return [
    ['total_connections_received', statistics.connectionsReceived],
    ['total_commands_processed', statistics.commandsProcessed],
    ['instantaneous_ops_per_sec', Math.round(statistics.operationsPerSecond.perSecond)],
    ['total_net_input_bytes', statistics.bytesReceived],
    ['total_net_output_bytes', statistics.bytesSent],
    ['instantaneous_input_kbps', (statistics.inputPerSecond.perSecond / 1024).toFixed(2)],
    ['instantaneous_output_kbps', (statistics.outputPerSecond.perSecond / 1024).toFixed(2)],
    ['rejected_connections', statistics.connectionsRejected],
    ['expired_keys', keys.expiredKeys],
    ['expired_subkeys', keys.expiredFields],
    ['expired_time_cap_reached_count', keys.expiredTimeCapReached],
    ['evicted_keys', keys.evictedKeys],
    ['evicted_clients', statistics.evictedClients],
    ['evicted_scripts', services.scripts.report.evictedScripts],
    ['keyspace_hits', keys.hits],
    ['keyspace_misses', keys.misses],
    ['pubsub_channels', services.publications.channels.size],
    ['pubsub_patterns', services.publications.patterns.size],
    ['pubsubshard_channels', services.publications.shardChannels.size],
    ['total_error_replies', statistics.errorReplies],
    ['total_reads_processed', statistics.readsProcessed],
    ['total_writes_processed', statistics.writesProcessed],
    ['client_query_buffer_limit_disconnections', statistics.clientQueryBufferLimitDisconnections],
    ['client_output_buffer_limit_disconnections', statistics.clientOutputBufferLimitDisconnections],
    ['tracking_total_keys', services.tracking.keyCount],
    ['tracking_total_items', services.tracking.itemCount],
    ['tracking_total_prefixes', services.tracking.prefixCount],
    ['unexpected_error_replies', statistics.unexpectedErrorReplies],
    ['eventloop_cycles', statistics.eventLoopCycles],
    ['eventloop_longest_cycle_us', Math.round(statistics.longestTickMicroseconds)],
    ['acl_access_denied_auth', services.users.denialCounts.auth],
    ['acl_access_denied_cmd', services.users.denialCounts.command],
    ['acl_access_denied_key', services.users.denialCounts.key],
    ['acl_access_denied_channel', services.users.denialCounts.channel],
  ];
}

function replication(call: Call): Fields {
  return [
    ['role', 'master'],
    ['connected_slaves', 0],
    ['master_failover_state', 'no-failover'],
    ['master_replid', call.services.server.runId],
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
  ];
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

function errorstats(call: Call): Fields {
  return [...call.services.statistics.errors].map(([code, count]) => [`errorstat_${code}`, `count=${count}`]);
}

function keyspaceSection(call: Call): Fields {
  const fields: [string, string][] = [];
  for (const database of call.keyspace.databases) {
    if (database.size === 0) continue;
    const average = Math.round(database.averageTtlMs(call.keyspace.nowMs));
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
  { name: 'stats', title: 'Stats', isDefault: true, fields: stats },
  { name: 'replication', title: 'Replication', isDefault: true, fields: replication },
  { name: 'cpu', title: 'CPU', isDefault: true, fields: cpu },
  { name: 'modules', title: 'Modules', isDefault: true, fields: () => [] },
  { name: 'errorstats', title: 'Errorstats', isDefault: true, fields: errorstats },
  { name: 'commandstats', title: 'Commandstats', isDefault: false, fields: commandstats },
  { name: 'cluster', title: 'Cluster', isDefault: true, fields: () => [['cluster_enabled', 0]] },
  { name: 'flex', title: 'Flex', isDefault: true, fields: flex },
  { name: 'keyspace', title: 'Keyspace', isDefault: true, fields: keyspaceSection },
];

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
