/** The rows of the table that concern TLS and other servers. */
import { directive } from './directive.ts';
import { boolean, enumeration, integer, memory, optionalText, primaryAddress, text } from './value-types.ts';

const INT_MAX = 0x7fffffff;
const PORT = integer(0, 65535);
const MB = 1024 * 1024;

export const tls = {
  'tls-port': directive(
    'full',
    PORT,
    0,
    'TLS port to listen on, besides `port` or with `port 0` alone; 0 for none.',
  ),
  'tls-cert-file': directive(
    'full',
    optionalText('path'),
    '',
    'Certificate of the server, and those that lead to its authority, in PEM. Setting it again loads it again.',
    { volatile: true },
  ),
  'tls-key-file': directive('full', optionalText('path'), '', 'Private key of the certificate.', {
    volatile: true,
  }),
  'tls-key-file-pass': directive('full', optionalText(), '', 'Password of the key.', {
    since: '6.2',
    sensitive: true,
  }),
  'tls-client-cert-file': directive(
    'accepted',
    optionalText('path'),
    '',
    'Certificate for outgoing connections.',
    { since: '6.2' },
  ),
  'tls-client-key-file': directive('accepted', optionalText('path'), '', 'Key for outgoing connections.', {
    since: '6.2',
  }),
  'tls-client-key-file-pass': directive('accepted', optionalText(), '', 'Password of that key.', {
    since: '6.2',
    sensitive: true,
  }),
  'tls-dh-params-file': directive(
    'full',
    optionalText('path'),
    '',
    'Diffie-Hellman parameters, for ciphers up to TLS 1.2 that use them; OpenSSL chooses them otherwise.',
    { volatile: true },
  ),
  'tls-ca-cert-file': directive(
    'full',
    optionalText('path'),
    '',
    'Certificates of the authorities that clients’ certificates must come from.',
    { volatile: true },
  ),
  'tls-ca-cert-dir': directive(
    'full',
    optionalText('path'),
    '',
    'Directory of such certificates, named as `openssl rehash` does.',
    { volatile: true },
  ),
  'tls-auth-clients': directive(
    'full',
    enumeration('no', 'yes', 'optional'),
    'yes',
    'Whether clients must show a certificate, or may.',
  ),
  'tls-auth-clients-user': directive(
    'full',
    enumeration('off', 'cn'),
    'off',
    'Whether a client is logged in as the user that its certificate names (its common name), without AUTH.',
    { since: '8.6' },
  ),
  'tls-replication': directive('accepted', boolean(), false, 'TLS towards the primary.'),
  'tls-cluster': directive('accepted', boolean(), false, 'TLS on the cluster bus.'),
  'tls-protocols': directive(
    'full',
    optionalText('versions'),
    '',
    'Versions of TLS: any of `TLSv1`, `TLSv1.1`, `TLSv1.2` and `TLSv1.3`; empty for the last two.',
  ),
  'tls-ciphers': directive('full', optionalText(), '', 'Ciphers up to TLS 1.2, as OpenSSL names them.'),
  'tls-ciphersuites': directive('full', optionalText(), '', 'Ciphers of TLS 1.3.'),
  'tls-prefer-server-ciphers': directive('full', boolean(), false, "Prefers the server's order of ciphers."),
  'tls-session-caching': directive(
    'full',
    boolean(),
    true,
    'Lets clients resume TLS sessions, by tickets that they keep.',
  ),
  'tls-session-cache-size': directive(
    'accepted',
    integer(0, INT_MAX),
    20480,
    'TLS sessions kept by the server; it keeps none, since clients keep them.',
  ),
  'tls-session-cache-timeout': directive(
    'full',
    integer(0, INT_MAX),
    300,
    'Seconds for which a session can be resumed.',
  ),
};

export const replication = {
  replicaof: directive('refused', primaryAddress(), '', 'Primary to replicate.', {
    aliases: ['slaveof'],
    immutable: true,
  }),
  masterauth: directive('accepted', optionalText(), '', 'Password at the primary.', { sensitive: true }),
  masteruser: directive('accepted', optionalText(), '', 'User at the primary.', { sensitive: true }),
  'replica-serve-stale-data': directive('accepted', boolean(), true, 'Answers while the link is down.', {
    aliases: ['slave-serve-stale-data'],
  }),
  'replica-read-only': directive('accepted', boolean(), true, 'Refuses writes on a replica.', {
    aliases: ['slave-read-only'],
  }),
  'replica-lazy-flush': directive(
    'accepted',
    boolean(),
    false,
    'Flushes asynchronously before a full sync.',
    {
      aliases: ['slave-lazy-flush'],
    },
  ),
  'replica-ignore-maxmemory': directive('accepted', boolean(), true, 'A replica does not evict.', {
    aliases: ['slave-ignore-maxmemory'],
  }),
  'replica-ignore-disk-write-errors': directive(
    'accepted',
    boolean(),
    false,
    'Goes on when the disk fails.',
    {
      since: '7.0',
    },
  ),
  'replica-priority': directive(
    'accepted',
    integer(0, INT_MAX),
    100,
    'Preference when a primary is chosen.',
    {
      aliases: ['slave-priority'],
    },
  ),
  'replica-announced': directive('accepted', boolean(), true, 'Shows the replica to Sentinel.', {
    since: '6.2',
  }),
  'replica-announce-ip': directive('accepted', optionalText('address'), '', 'Address to tell the primary.', {
    aliases: ['slave-announce-ip'],
  }),
  'replica-announce-port': directive('accepted', PORT, 0, 'Port to tell the primary.', {
    aliases: ['slave-announce-port'],
  }),
  'replica-full-sync-buffer-limit': directive(
    'accepted',
    memory(),
    0,
    'Most bytes buffered during a full sync.',
    {
      since: '8.0',
    },
  ),
  'min-replicas-to-write': directive(
    'refused',
    integer(0, INT_MAX),
    0,
    'Replicas without which writes are refused.',
    {
      aliases: ['min-slaves-to-write'],
    },
  ),
  'min-replicas-max-lag': directive(
    'accepted',
    integer(0, INT_MAX),
    10,
    'Seconds that such a replica may lag.',
    {
      aliases: ['min-slaves-max-lag'],
    },
  ),
  'repl-ping-replica-period': directive(
    'accepted',
    integer(1, INT_MAX),
    10,
    'Seconds between pings to replicas.',
    {
      aliases: ['repl-ping-slave-period'],
    },
  ),
  'repl-timeout': directive(
    'accepted',
    integer(1, INT_MAX),
    60,
    'Seconds after which a silent link is given up.',
  ),
  'repl-disable-tcp-nodelay': directive('accepted', boolean(), false, 'Sends fewer and larger packets.'),
  'repl-diskless-sync': directive('accepted', boolean(), true, 'Sends snapshots without a file.'),
  'repl-diskless-sync-delay': directive(
    'accepted',
    integer(0, INT_MAX),
    5,
    'Seconds to wait for more replicas.',
  ),
  'repl-diskless-sync-max-replicas': directive('accepted', integer(0, INT_MAX), 0, 'Replicas to wait for.', {
    since: '7.0',
  }),
  'repl-diskless-load': directive(
    'accepted',
    enumeration('disabled', 'on-empty-db', 'swapdb', 'flushdb'),
    'disabled',
    'Loads snapshots without a file.',
  ),
  'repl-backlog-size': directive('accepted', memory(1), MB, 'Bytes of the replication backlog.'),
  'repl-backlog-ttl': directive('accepted', integer(0), 3600, 'Seconds after which it is freed.'),
  'propagation-error-behavior': directive(
    'accepted',
    enumeration('ignore', 'panic', 'panic-on-replicas'),
    'ignore',
    'What an error in the stream of the primary causes.',
    { since: '7.0' },
  ),
};

export const cluster = {
  'cluster-enabled': directive('refused', boolean(), false, 'Makes the server a node of a cluster.', {
    immutable: true,
  }),
  'cluster-config-file': directive('accepted', text('path'), 'nodes.conf', 'File that the node keeps.', {
    immutable: true,
  }),
  'cluster-node-timeout': directive(
    'accepted',
    integer(0),
    15000,
    'Milliseconds after which a node has failed.',
  ),
  'cluster-port': directive('accepted', PORT, 0, 'Port of the cluster bus.', {
    since: '7.0',
    immutable: true,
  }),
  'cluster-announce-ip': directive('accepted', optionalText('address'), '', 'Address to announce.'),
  'cluster-announce-port': directive('accepted', PORT, 0, 'Port to announce.'),
  'cluster-announce-tls-port': directive('accepted', PORT, 0, 'TLS port to announce.', { since: '6.2' }),
  'cluster-announce-bus-port': directive('accepted', PORT, 0, 'Port of the bus to announce.'),
  'cluster-announce-hostname': directive(
    'accepted',
    optionalText('host name'),
    '',
    'Host name to announce.',
    {
      since: '7.0',
    },
  ),
  'cluster-announce-human-nodename': directive('accepted', optionalText('name'), '', 'Name in logs.', {
    since: '7.2',
  }),
  'cluster-preferred-endpoint-type': directive(
    'accepted',
    enumeration('ip', 'hostname', 'unknown-endpoint'),
    'ip',
    'What CLUSTER SLOTS gives first.',
    { since: '7.0' },
  ),
  'cluster-replica-validity-factor': directive(
    'accepted',
    integer(0, INT_MAX),
    10,
    'Age at which a replica is too old.',
    {
      aliases: ['cluster-slave-validity-factor'],
    },
  ),
  'cluster-replica-no-failover': directive('accepted', boolean(), false, 'Never takes over by itself.', {
    aliases: ['cluster-slave-no-failover'],
  }),
  'cluster-migration-barrier': directive(
    'accepted',
    integer(0, INT_MAX),
    1,
    'Replicas that a primary keeps.',
  ),
  'cluster-allow-replica-migration': directive(
    'accepted',
    boolean(),
    true,
    'Moves replicas to orphaned primaries.',
    {
      since: '7.0',
    },
  ),
  'cluster-require-full-coverage': directive('accepted', boolean(), true, 'Stops when a slot has no node.'),
  'cluster-allow-reads-when-down': directive(
    'accepted',
    boolean(),
    false,
    'Reads while the cluster is down.',
  ),
  'cluster-allow-pubsubshard-when-down': directive(
    'accepted',
    boolean(),
    true,
    'Publishes while it is down.',
    {
      since: '7.0',
    },
  ),
  'cluster-link-sendbuf-limit': directive('accepted', memory(), 0, 'Most bytes buffered on the bus.', {
    since: '7.0',
  }),
  'cluster-slot-stats-enabled': directive('accepted', boolean(), false, 'Counts by slot.', { since: '8.2' }),
  'cluster-compatibility-sample-ratio': directive(
    'accepted',
    integer(0, 100),
    0,
    'Share of commands checked for use in a cluster.',
    { since: '8.0' },
  ),
  'cluster-slot-migration-handoff-max-lag-bytes': directive(
    'accepted',
    memory(),
    MB,
    'Lag at which slots change hands.',
    {
      since: '8.4',
    },
  ),
  'cluster-slot-migration-write-pause-timeout': directive(
    'accepted',
    integer(0),
    10000,
    'Milliseconds that writes may pause for it.',
    { since: '8.4' },
  ),
};
