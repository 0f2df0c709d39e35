/**
 * The table of directives: file, command line, CONFIG GET, SET and REWRITE, the typed values and docs/config.md all
 * come from it. Names, limits and defaults are those of Redis 8 (its `config.c` and `redis.conf`), and of Redis Flex
 * for the tier.
 */
import { type Directive, directive, type Support } from './directive.ts';
import { cluster, replication, tls } from './directives-distributed.ts';
import { checkTitleTemplate, TITLE_VARIABLES } from './title-template.ts';
import {
  addresses,
  boolean,
  clampedInteger,
  decimal,
  directory,
  enumeration,
  fileName,
  flags,
  integer,
  keyspaceEvents,
  memory,
  memoryOrPercent,
  octal,
  oomScores,
  optionalText,
  outputBufferLimits,
  percentiles,
  savePoints,
  text,
  UNSIGNED_BYTES_MAX,
} from './value-types.ts';

const INT_MAX = 0x7fffffff;
const PORT = integer(0, 65535);
const KB = 1024;
const MB = 1024 * KB;
const GB = 1024 * MB;
const DEFAULT_BIND = '* -::*';
const SHUTDOWN_FLAGS = ['save', 'nosave', 'now', 'force'] as const;

function shutdownFlags() {
  return flags('default', SHUTDOWN_FLAGS, (value) =>
    value.includes('save') && value.includes('nosave')
      ? "shutdown options SAVE and NOSAVE can't be used simultaneously"
      : undefined,
  );
}

const tier = {
  'enable-flex': directive('full', boolean(), false, 'Keeps cold data on SSD, and the keys in use in RAM.', {
    immutable: true,
    since: '0.1.0',
  }),
  'flex-storage-path': directive(
    'full',
    text('path', (word) => (word === '' ? "flex-storage-path can't be empty" : undefined)),
    './data/flex',
    'Directory of the SSD tier, made if it is missing; a relative path starts at `dir`. One server at a time.',
    { immutable: true, since: '0.1.0' },
  ),
  'flex-hot-threshold': directive(
    'full',
    decimal(0, 1),
    0.8,
    'Share of `maxmemory` in use at which the coldest data begins to move to SSD.',
    { since: '0.1.0' },
  ),
  'flex-checkpoint-interval': directive(
    'full',
    integer(0, INT_MAX),
    60,
    'Seconds between checkpoints of the tier. 0: at shutdown, by `FLEX CHECKPOINT`, and when disk space waits for one.',
    { since: '0.1.0' },
  ),
  'flex-storage-limit': directive(
    'full',
    memory(),
    0,
    'Most bytes that the tier may take on the SSD, 0 for what the file system has. Full, `maxmemory-policy` decides.',
    { since: '0.1.0' },
  ),
  'flex-write-rate-limit': directive(
    'full',
    memory(),
    0,
    'Most bytes that demotion writes to the SSD in a second, 0 for no limit. Writers are slowed down to it when memory is full.',
    { since: '0.1.0' },
  ),
  'flex-slowlog-log-slower-than': directive(
    'full',
    integer(-1),
    10000,
    'Microseconds from which a read of the SSD enters the tier’s slow log; -1 turns it off.',
    { since: '0.1.0' },
  ),
  'flex-slowlog-max-len': directive('full', integer(0), 128, 'Entries that the tier’s slow log keeps.', {
    since: '0.1.0',
  }),
};

const network = {
  bind: directive(
    'full',
    addresses(DEFAULT_BIND),
    DEFAULT_BIND.split(' '),
    'Addresses to listen on. A leading `-` lets one be absent, `*` and `::*` mean all of IPv4 and IPv6.',
  ),
  port: directive(
    'full',
    PORT,
    6379,
    'TCP port to listen on. 0 for none, or at the start without `unixsocket` for a free one.',
  ),
  'protected-mode': directive(
    'full',
    boolean(),
    true,
    'Without a password, answers only clients on the same machine.',
  ),
  unixsocket: directive('full', optionalText('path'), '', 'Unix socket to listen on, besides TCP.', {
    immutable: true,
  }),
  unixsocketperm: directive(
    'full',
    octal(0, 0o777),
    0,
    'Permissions of the Unix socket; 0 leaves them to the umask.',
    {
      immutable: true,
    },
  ),
  'tcp-backlog': directive('full', integer(0, INT_MAX), 511, 'Connections that may wait to be accepted.', {
    immutable: true,
  }),
  timeout: directive(
    'full',
    integer(0, INT_MAX),
    0,
    'Seconds after which an idle client is disconnected, 0 for never.',
  ),
  'tcp-keepalive': directive(
    'full',
    integer(0, INT_MAX),
    300,
    'Seconds between probes to a silent client, 0 for none.',
  ),
  maxclients: directive('full', integer(1, 0xffffffff), 10000, 'Most clients connected at once.'),
  'client-output-buffer-limit': directive(
    'full',
    outputBufferLimits(),
    {
      normal: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
      replica: { hardBytes: 256 * MB, softBytes: 64 * MB, softSeconds: 60 },
      pubsub: { hardBytes: 32 * MB, softBytes: 8 * MB, softSeconds: 60 },
    },
    'When a client that does not read its replies is disconnected.',
  ),
  'client-query-buffer-limit': directive(
    'full',
    memory(MB),
    GB,
    'Most bytes of a command that has not arrived whole; a client that sends more is disconnected.',
  ),
  'proto-max-bulk-len': directive('full', memory(MB), 512 * MB, 'Most bytes of one argument.'),
  'maxmemory-clients': directive(
    'full',
    memoryOrPercent(),
    0,
    'Most memory of all client connections together, 0 for no limit.',
    { since: '7.0' },
  ),
  'max-new-connections-per-cycle': directive(
    'accepted',
    integer(1, 1000),
    10,
    'Connections accepted in one turn of the event loop.',
    { since: '7.4' },
  ),
  'max-new-tls-connections-per-cycle': directive(
    'accepted',
    integer(1, 1000),
    1,
    'TLS connections accepted in one turn of the event loop.',
    { since: '7.4' },
  ),
  'bind-source-addr': directive('accepted', optionalText('address'), '', 'Address of outgoing connections.', {
    since: '7.0',
  }),
  'socket-mark-id': directive(
    'refused',
    integer(0, 0xffffffff),
    0,
    'Mark on listening sockets, for routing.',
    {
      since: '7.0',
      immutable: true,
    },
  ),
};

const general = {
  databases: directive('full', integer(1, INT_MAX), 16, 'Number of databases.', { immutable: true }),
  dir: directive('full', directory(), '.', 'Working directory.', { protected: true }),
  daemonize: directive('full', boolean(), false, 'Runs in the background.', { immutable: true }),
  supervised: directive(
    'full',
    enumeration('upstart', 'systemd', 'auto', 'no'),
    'no',
    'Tells the supervisor when the server is ready.',
    { immutable: true },
  ),
  pidfile: directive('full', optionalText('path'), '', 'File for the process id.', { immutable: true }),
  loglevel: directive(
    'full',
    enumeration('debug', 'verbose', 'notice', 'warning', 'nothing'),
    'notice',
    'How much is logged.',
  ),
  logfile: directive('full', text('path'), '', 'File to log to; empty for standard output.', {
    immutable: true,
  }),
  'syslog-enabled': directive('refused', boolean(), false, 'Logs to the system logger.', { immutable: true }),
  'syslog-ident': directive('accepted', text(), 'redis', 'Name in the system log.', { immutable: true }),
  'syslog-facility': directive(
    'accepted',
    enumeration('user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'),
    'local0',
    'Facility of the system log.',
    { immutable: true },
  ),
  'crash-log-enabled': directive('full', boolean(), true, 'Writes a report when the server crashes.', {
    since: '6.2',
  }),
  'crash-memcheck-enabled': directive('accepted', boolean(), true, 'Tests memory after a crash.', {
    since: '6.2',
  }),
  'hide-user-data-from-log': directive(
    'refused',
    boolean(),
    false,
    'Leaves keys and values out of the log.',
    {
      since: '7.4',
    },
  ),
  'always-show-logo': directive('accepted', boolean(), false, 'Shows a logo at start.', { immutable: true }),
  'set-proc-title': directive('full', boolean(), true, 'Sets the title of the process.', {
    since: '6.2',
    immutable: true,
  }),
  'proc-title-template': directive(
    'full',
    text(`text with ${TITLE_VARIABLES.map((name) => `\`{${name}}\``).join(', ')}`, checkTitleTemplate),
    '{title} {listen-addr} {server-mode}',
    'What the title says. The system shows no more of it than the command line was long.',
    { since: '6.2' },
  ),
  'locale-collate': directive('accepted', text(), '', 'Locale by which strings are compared.', {
    since: '7.2',
  }),
  'ignore-warnings': directive('accepted', text(), '', 'Warnings of the start to leave out.', {
    since: '6.2',
  }),
  hz: directive('full', clampedInteger(1, 500), 10, 'How many times a second background work is done.'),
  'dynamic-hz': directive('accepted', boolean(), true, 'Raises `hz` when there are many clients.'),
  'shutdown-timeout': directive(
    'accepted',
    integer(0, INT_MAX),
    10,
    'Seconds that a shutdown waits for replicas to catch up.',
    { since: '7.0' },
  ),
  'shutdown-on-sigint': directive(
    'full',
    shutdownFlags(),
    [],
    'Options of the shutdown that SIGINT causes.',
    {
      since: '7.0',
    },
  ),
  'shutdown-on-sigterm': directive(
    'full',
    shutdownFlags(),
    [],
    'Options of the shutdown that SIGTERM causes.',
    {
      since: '7.0',
    },
  ),
  'oom-score-adj': directive(
    'accepted',
    enumeration('no', 'yes', 'relative', 'absolute'),
    'no',
    "Sets the kernel's preference of whom to kill when memory runs out.",
  ),
  'oom-score-adj-values': directive('accepted', oomScores(), [0, 200, 800], 'The scores for it.'),
  'disable-thp': directive('accepted', boolean(), true, 'Turns transparent huge pages off for the process.', {
    since: '6.2',
    immutable: true,
  }),
  'io-threads': directive('accepted', integer(1, 128), 1, 'Threads for the sockets.', { immutable: true }),
  'io-threads-do-reads': directive('accepted', boolean(), false, 'Deprecated; has no effect in Redis 8.', {
    immutable: true,
  }),
  lookahead: directive(
    'accepted',
    integer(1, INT_MAX),
    16,
    'Commands of a pipeline that are looked at in advance.',
    {
      since: '8.4',
    },
  ),
  'server-cpulist': directive('accepted', optionalText('list of CPUs'), '', 'CPUs of the server.', {
    aliases: ['server_cpulist'],
    immutable: true,
  }),
  'bio-cpulist': directive('accepted', optionalText('list of CPUs'), '', 'CPUs of its background threads.', {
    aliases: ['bio_cpulist'],
    immutable: true,
  }),
  'aof-rewrite-cpulist': directive(
    'accepted',
    optionalText('list of CPUs'),
    '',
    'CPUs that rewrite the AOF.',
    {
      aliases: ['aof_rewrite_cpulist'],
      immutable: true,
    },
  ),
  'bgsave-cpulist': directive('accepted', optionalText('list of CPUs'), '', 'CPUs that write snapshots.', {
    aliases: ['bgsave_cpulist'],
    immutable: true,
  }),
  'watchdog-period': directive(
    'accepted',
    integer(0, INT_MAX),
    0,
    'Debugging of slow turns, in milliseconds.',
    {
      hidden: true,
    },
  ),
  'use-exit-on-panic': directive('accepted', boolean(), false, 'For tests of Redis.', { hidden: true }),
};

const security = {
  requirepass: directive('full', optionalText(), '', 'Password that clients must give.', { sensitive: true }),
  'enable-debug-command': directive(
    'full',
    enumeration('no', 'yes', 'local'),
    'no',
    'Who may use DEBUG: nobody, everybody, or clients on the same machine.',
    { since: '7.0', immutable: true },
  ),
  'enable-protected-configs': directive(
    'full',
    enumeration('no', 'yes', 'local'),
    'no',
    'Who may change protected directives.',
    { since: '7.0', immutable: true },
  ),
  'enable-module-command': directive(
    'accepted',
    enumeration('no', 'yes', 'local'),
    'no',
    'Who may use MODULE.',
    {
      since: '7.0',
      immutable: true,
    },
  ),
  aclfile: directive('full', text('path'), '', 'File of users.', { immutable: true }),
  'acllog-max-len': directive('full', integer(0), 128, 'Entries that ACL LOG keeps.'),
  'acl-pubsub-default': directive(
    'full',
    enumeration('allchannels', 'resetchannels'),
    'resetchannels',
    'Channels of a new user.',
    { since: '6.2' },
  ),
  'sanitize-dump-payload': directive(
    'full',
    enumeration('no', 'yes', 'clients'),
    'no',
    'Whose serialized values are checked in depth; here all are, whatever it says.',
    { since: '6.2' },
  ),
};

const memoryManagement = {
  maxmemory: directive(
    'full',
    memory(0, UNSIGNED_BYTES_MAX),
    0,
    'RAM for the data. 0 is no limit without Flex; with it, a budget taken from the cgroup or the machine. Below 32mb Flex keeps next to nothing hot, and says so in the log.',
  ),
  'maxmemory-policy': directive(
    'full',
    enumeration(
      'volatile-lru',
      'volatile-lfu',
      'volatile-random',
      'volatile-ttl',
      'allkeys-lru',
      'allkeys-lfu',
      'allkeys-random',
      'noeviction',
    ),
    'noeviction',
    'What leaves the store when it is full: with Flex when the SSD budget is used up too.',
  ),
  'maxmemory-samples': directive('full', integer(1, INT_MAX), 5, 'Keys looked at to find one to evict.'),
  'maxmemory-eviction-tenacity': directive(
    'full',
    integer(0, 100),
    10,
    'How long one turn may evict, from not at all long to without limit.',
    { since: '6.2' },
  ),
  'lfu-log-factor': directive(
    'full',
    integer(0, INT_MAX),
    10,
    'How slowly the access counter of a key saturates.',
  ),
  'lfu-decay-time': directive('full', integer(0, INT_MAX), 1, 'Minutes after which the counter goes down.'),
  'active-expire-effort': directive('full', integer(1, 10), 1, 'How hard the server looks for expired keys.'),
  'lazyfree-lazy-eviction': directive('full', boolean(), false, 'Frees evicted values in the background.'),
  'lazyfree-lazy-expire': directive('full', boolean(), false, 'Frees expired values in the background.'),
  'lazyfree-lazy-server-del': directive(
    'full',
    boolean(),
    false,
    'Frees overwritten values in the background.',
  ),
  'lazyfree-lazy-user-del': directive('full', boolean(), false, 'Makes DEL work like UNLINK.'),
  'lazyfree-lazy-user-flush': directive(
    'full',
    boolean(),
    false,
    'Makes FLUSHALL and FLUSHDB asynchronous unless they say otherwise.',
    { since: '6.2' },
  ),
  activerehashing: directive('accepted', boolean(), true, 'Resizes hash tables while idle.'),
  activedefrag: directive('accepted', boolean(), false, 'Undoes fragmentation while serving.'),
  'active-defrag-ignore-bytes': directive(
    'accepted',
    memory(1),
    100 * MB,
    'Fragmentation at which it starts.',
  ),
  'active-defrag-threshold-lower': directive('accepted', integer(0, 1000), 10, 'The same, in percent.'),
  'active-defrag-threshold-upper': directive('accepted', integer(0, 1000), 100, 'Percent for full effort.'),
  'active-defrag-cycle-min': directive('accepted', integer(1, 99), 1, 'Least effort, percent of CPU.'),
  'active-defrag-cycle-max': directive('accepted', integer(1, 99), 25, 'Most effort, percent of CPU.'),
  'active-defrag-max-scan-fields': directive('accepted', integer(1), 1000, 'Elements looked at in one step.'),
  'jemalloc-bg-thread': directive('accepted', boolean(), true, 'Lets jemalloc give memory back by a thread.'),
  'tracking-table-max-keys': directive(
    'full',
    integer(0),
    1000000,
    'Keys remembered for client-side caching.',
  ),
  'key-memory-histograms': directive('accepted', boolean(), false, 'Keeps histograms of the sizes of keys.', {
    since: '8.6',
  }),
};

const encodings = {
  'hash-max-listpack-entries': directive('full', integer(0), 512, 'Most fields of a compact hash.', {
    aliases: ['hash-max-ziplist-entries'],
    since: '7.0',
  }),
  'hash-max-listpack-value': directive('full', memory(), 64, 'Longest field or value in one.', {
    aliases: ['hash-max-ziplist-value'],
    since: '7.0',
  }),
  'list-max-listpack-size': directive(
    'full',
    integer(-0x80000000, INT_MAX),
    -2,
    'Size of the nodes of a list: elements, or -1 to -5 for 4 to 64 KiB.',
    { aliases: ['list-max-ziplist-size'], since: '7.0' },
  ),
  'list-compress-depth': directive(
    'accepted',
    integer(0, INT_MAX),
    0,
    'Nodes at both ends that stay uncompressed.',
  ),
  'set-max-intset-entries': directive('full', integer(0), 512, 'Most members of a set of integers.'),
  'set-max-listpack-entries': directive('full', integer(0), 128, 'Most members of a compact set.', {
    since: '7.2',
  }),
  'set-max-listpack-value': directive('full', memory(), 64, 'Longest member of one.', { since: '7.2' }),
  'zset-max-listpack-entries': directive('full', integer(0), 128, 'Most members of a compact sorted set.', {
    aliases: ['zset-max-ziplist-entries'],
    since: '7.0',
  }),
  'zset-max-listpack-value': directive('full', memory(), 64, 'Longest member of one.', {
    aliases: ['zset-max-ziplist-value'],
    since: '7.0',
  }),
  'hll-sparse-max-bytes': directive('full', memory(), 3000, 'Most bytes of a sparse HyperLogLog.'),
  'stream-node-max-bytes': directive('full', memory(), 4096, 'Most bytes of a node of a stream.'),
  'stream-node-max-entries': directive('full', integer(0), 100, 'Most entries of one.'),
  'stream-idmp-duration': directive(
    'accepted',
    integer(1),
    100,
    'Seconds for which idempotent adds are remembered.',
    {
      since: '8.6',
    },
  ),
  'stream-idmp-maxsize': directive('accepted', integer(1), 100, 'Idempotent adds remembered.', {
    since: '8.6',
  }),
  'array-slice-size': directive('accepted', integer(1), 4096, 'Elements of a slice of an array.', {
    since: '8.8',
  }),
  'array-sparse-kmin': directive('accepted', integer(0), 5, 'When an array becomes sparse.', {
    since: '8.8',
  }),
  'array-sparse-kmax': directive('accepted', integer(0), 10, 'When an array becomes dense.', {
    since: '8.8',
  }),
  'vset-force-single-threaded-execution': directive(
    'accepted',
    boolean(),
    false,
    'Vector sets without threads.',
    {
      since: '8.0',
    },
  ),
};

const monitoring = {
  'slowlog-log-slower-than': directive(
    'full',
    integer(-1),
    10000,
    'Microseconds from which a command enters the slow log; -1 turns it off.',
  ),
  'slowlog-max-len': directive('full', integer(0), 128, 'Entries that the slow log keeps.'),
  'slowlog-entry-max-argc': directive('accepted', integer(2, INT_MAX), 32, 'Arguments kept of an entry.', {
    since: '8.8',
  }),
  'slowlog-entry-max-string-len': directive('accepted', integer(1), 128, 'Bytes kept of an argument.', {
    since: '8.8',
  }),
  'metrics-port': directive(
    'full',
    PORT,
    0,
    'HTTP port for /metrics (Prometheus), /healthz and /readyz, 0 for none.',
    { since: '0.1.0' },
  ),
  'metrics-bind': directive(
    'full',
    addresses('127.0.0.1'),
    ['127.0.0.1'],
    'Addresses that it listens on. Nobody is asked for a password there.',
    { since: '0.1.0' },
  ),
  'dashboard-port': directive(
    'full',
    PORT,
    0,
    'HTTP port for a page that shows what the server does, to users who may run INFO and FLEX STATS; 0 for none.',
    { since: '0.1.0' },
  ),
  'dashboard-bind': directive(
    'full',
    addresses('127.0.0.1'),
    ['127.0.0.1'],
    'Addresses that it listens on. Passwords are not encrypted there.',
    { since: '0.1.0' },
  ),
  'latency-monitor-threshold': directive(
    'full',
    integer(0),
    0,
    'Milliseconds from which an event enters the latency monitor, 0 for none.',
  ),
  'latency-tracking': directive(
    'full',
    boolean(),
    true,
    'Keeps a histogram of the latency of each command.',
    {
      since: '7.0',
    },
  ),
  'latency-tracking-info-percentiles': directive(
    'full',
    percentiles(),
    [50, 99, 99.9],
    'Percentiles that INFO latencystats gives.',
    { since: '7.0' },
  ),
  'notify-keyspace-events': directive('full', keyspaceEvents(), '', 'Which changes of keys are published.'),
};

const scripting = {
  'busy-reply-threshold': directive(
    'full',
    integer(0),
    5000,
    'Milliseconds after which a script that still runs has other commands answered by BUSY; 0 for never.',
    { aliases: ['lua-time-limit'], since: '7.0' },
  ),
};

const persistence = {
  save: directive(
    'full',
    savePoints(),
    [
      { seconds: 3600, changes: 1 },
      { seconds: 300, changes: 100 },
      { seconds: 60, changes: 10_000 },
    ],
    'After how many seconds and changes a snapshot is written by itself, and whether one is when the server ends. With Flex on the default is none.',
  ),
  dbfilename: directive(
    'full',
    fileName('dbfilename', 'filename', true),
    'dump.rdb',
    'File of the snapshot.',
    {
      protected: true,
    },
  ),
  rdbcompression: directive('full', boolean(), true, 'Compresses strings in snapshots.'),
  rdbchecksum: directive('full', boolean(), true, 'Ends a snapshot with a checksum.', {
    immutable: true,
  }),
  'rdb-save-incremental-fsync': directive('full', boolean(), true, 'Syncs a snapshot while writing it.'),
  'rdb-del-sync-files': directive('accepted', boolean(), false, 'Removes snapshots made for replicas.'),
  'rdb-key-save-delay': directive(
    'full',
    integer(-0x80000000, INT_MAX),
    0,
    'Microseconds that a background save or rewrite takes for each key at least; for tests.',
    { hidden: true },
  ),
  'key-load-delay': directive(
    'full',
    integer(-0x80000000, INT_MAX),
    0,
    'Microseconds that loading takes longer for each key; for tests.',
    { hidden: true },
  ),
  'loading-process-events-interval-bytes': directive(
    'accepted',
    integer(1024, INT_MAX),
    2 * MB,
    'For tests of Redis.',
    {
      hidden: true,
    },
  ),
  'stop-writes-on-bgsave-error': directive('full', boolean(), true, 'Refuses writes when snapshots fail.'),
  appendonly: directive('full', boolean(), false, 'Logs every change to the append-only file.'),
  appendfilename: directive(
    'full',
    fileName('appendfilename', 'filename'),
    'appendonly.aof',
    'What the names of its files begin with.',
    { immutable: true },
  ),
  appenddirname: directive(
    'full',
    fileName('appenddirname', 'dirname'),
    'appendonlydir',
    'The directory of its files, within `dir`.',
    { since: '7.0', immutable: true },
  ),
  appendfsync: directive(
    'full',
    enumeration('everysec', 'always', 'no'),
    'everysec',
    'When it is synced: once a second, before any reply, or when the system pleases.',
  ),
  'no-appendfsync-on-rewrite': directive(
    'full',
    boolean(),
    false,
    'Does not sync it while it is rewritten or a snapshot is written.',
  ),
  'auto-aof-rewrite-percentage': directive(
    'full',
    integer(0, INT_MAX),
    100,
    'Growth since the last rewrite that causes one, in percent; 0 for none.',
  ),
  'auto-aof-rewrite-min-size': directive(
    'full',
    memory(),
    64 * MB,
    'A smaller file is not rewritten by itself.',
  ),
  'aof-load-truncated': directive(
    'full',
    boolean(),
    true,
    'Loads a file that breaks off, and cuts off what is not whole; else that is an error.',
  ),
  'aof-load-corrupt-tail-max-size': directive(
    'full',
    memory(),
    0,
    'Most bytes that are no command to cut off the end of the last file; 0 has them be an error.',
    { since: '8.4' },
  ),
  'aof-use-rdb-preamble': directive(
    'full',
    boolean(),
    true,
    'Rewrites in the format of snapshots, which is shorter and quicker than commands.',
  ),
  'aof-timestamp-enabled': directive('full', boolean(), false, 'Notes the time in the file.', {
    since: '7.0',
  }),
  'aof-rewrite-incremental-fsync': directive('full', boolean(), true, 'Syncs a rewrite while writing it.'),
  'aof-disable-auto-gc': directive('full', boolean(), false, 'Keeps the files that a rewrite replaces.', {
    since: '7.0',
  }),
};

/** The directives by subject, in the order of the documentation. */
export const DIRECTIVE_GROUPS: readonly (readonly [string, Readonly<Record<string, Directive<unknown>>>])[] =
  [
    ['Tier', tier],
    ['Network', network],
    ['TLS', tls],
    ['General', general],
    ['Security', security],
    ['Memory', memoryManagement],
    ['Encodings', encodings],
    ['Monitoring', monitoring],
    ['Scripting', scripting],
    ['Persistence', persistence],
    ['Replication', replication],
    ['Cluster', cluster],
  ];

/** All directives by name. */
export const DIRECTIVES = {
  ...tier,
  ...network,
  ...tls,
  ...general,
  ...security,
  ...memoryManagement,
  ...encodings,
  ...monitoring,
  ...scripting,
  ...persistence,
  ...replication,
  ...cluster,
};

/** The name of a directive. */
export type DirectiveName = keyof typeof DIRECTIVES;

/** The value of every directive by its name. */
export type ConfigValues = {
  [Name in DirectiveName]: (typeof DIRECTIVES)[Name] extends Directive<infer Value> ? Value : never;
};

/** A word that only a configuration file has; CONFIG does not know it. */
export interface FileDirective {
  readonly summary: string;
  readonly support: Support;
}

/** What a file may hold besides {@link DIRECTIVES}. */
export const FILE_DIRECTIVES: Readonly<Record<string, FileDirective>> = {
  include: {
    summary: 'Reads another file in this place; the name may have `*`, `?` and `[...]`.',
    support: 'full',
  },
  user: {
    summary: 'Defines a user by the rules of ACL SETUSER. Not beside `aclfile`.',
    support: 'full',
  },
  'rename-command': { summary: 'Gives a command another name, or with "" takes it away.', support: 'full' },
  loadmodule: { summary: 'Loads a module.', support: 'refused' },
  sentinel: { summary: 'Configures Redis Sentinel.', support: 'refused' },
  'list-max-ziplist-entries': { summary: 'Long without effect in Redis too.', support: 'accepted' },
  'list-max-ziplist-value': { summary: 'Long without effect in Redis too.', support: 'accepted' },
  'lua-replicate-commands': { summary: 'Long without effect in Redis too.', support: 'accepted' },
};
