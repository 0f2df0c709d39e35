import { NOT_AN_INTEGER, SYNTAX_ERROR, WRONG_PASSWORD } from '../base/error-replies.ts';
import { parseInteger64, parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { Client } from '../command-table/client.ts';
import { PAUSES_ALL, PAUSES_WRITES } from '../command-table/client-pause.ts';
import type { CommandRow } from '../command-table/row.ts';
import { BROADCASTS, REDIRECT_BROKEN, TRACKS } from '../command-table/tracking.ts';
import { readTimeoutMs } from './blocking.ts';
import { TRACKING_SUBCOMMANDS } from './client-tracking.ts';
import { argument, block, OPTIONAL, oneOf, token } from './common-docs.ts';
import { helpRow } from './help.ts';
import { leaveTransaction } from './transactions.ts';

function ping(call: Call): void {
  const { words, reply } = call;
  if (words.count > 2) {
    reply.error("ERR wrong number of arguments for 'ping' command");
    return;
  }
  if (call.client.isSubscriber && call.client.protocol === 2) {
    reply.array(2);
    reply.bulkText('pong');
    if (words.count === 2) call.replyWord(1);
    else reply.bulkText('');
  } else if (words.count === 2) call.replyWord(1);
  else reply.simple('PONG');
}

/** Checks a name and password; replies the error and returns false if they don't fit. */
function authenticate(call: Call, user: string, password: Uint8Array): boolean {
  if (call.services.users.authenticate(call.client, user, password, call.words.text(0))) return true;
  call.reply.error(WRONG_PASSWORD);
  return false;
}

function auth(call: Call): void {
  const { words, reply, services } = call;
  for (let at = 1; at < words.count; at++) call.redacted.push(at);
  if (words.count > 3) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (words.count === 2 && services.users.defaultUser.isPasswordless) {
    reply.error(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    );
    return;
  }
  const user = words.count === 3 ? words.text(1) : 'default';
  if (authenticate(call, user, words.copy(words.count - 1))) reply.ok();
}

/** Whether every character may stand in a client's name: printable and no space. */
function isNameValid(name: string): boolean {
  return /^[!-~]*$/.test(name);
}

const INVALID_NAME = 'ERR Client names cannot contain spaces, newlines or special characters.';

function hello(call: Call): void {
  const { words, reply, client, services } = call;
  let protocol = client.protocol;
  let at = 1;
  if (words.count > 1) {
    const version = parseInteger64(words.buffer, words.offsets[1], words.lengths[1]);
    if (version === undefined) {
      reply.error('ERR Protocol version is not an integer or out of range');
      return;
    }
    if (version < 2n || version > 3n) {
      reply.error('NOPROTO unsupported protocol version');
      return;
    }
    protocol = Number(version);
    at = 2;
  }
  let name: string | undefined;
  let user: string | undefined;
  let password = new Uint8Array(0);
  for (; at < words.count; at++) {
    const more = words.count - 1 - at;
    if (words.is(at, 'auth') && more >= 2) {
      user = words.text(at + 1);
      password = words.copy(at + 2) as Uint8Array<ArrayBuffer>;
      call.redacted.push(at + 1, at + 2);
      at += 2;
    } else if (words.is(at, 'setname') && more >= 1) {
      name = words.text(++at);
      if (!isNameValid(name)) {
        reply.error(INVALID_NAME);
        return;
      }
    } else {
      reply.error(`ERR Syntax error in HELLO option '${words.text(at)}'`);
      return;
    }
  }
  if (user !== undefined && !authenticate(call, user, password)) return;
  if (!client.authenticated) {
    reply.error(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    );
    return;
  }
  if (name !== undefined) client.name = name;
  client.protocol = protocol;
  reply.protocol = protocol;
  reply.map(7);
  reply.bulkText('server');
  reply.bulkText('redis');
  reply.bulkText('version');
  reply.bulkText(services.server.redisVersion);
  reply.bulkText('proto');
  reply.integer(protocol);
  reply.bulkText('id');
  reply.integer(client.id);
  reply.bulkText('mode');
  reply.bulkText('standalone');
  reply.bulkText('role');
  reply.bulkText('master');
  reply.bulkText('modules');
  reply.array(0);
}

function quit(call: Call): void {
  call.reply.ok();
  call.client.transport.close(true);
}

function reset(call: Call): void {
  const { client, reply, services } = call;
  leaveTransaction(call);
  services.publications.leave(client);
  services.tracking.disable(client);
  services.monitors.remove(client);
  client.databaseNumber = 0;
  client.protocol = 2;
  reply.protocol = 2;
  client.name = '';
  client.noEvict = false;
  client.noTouch = false;
  client.replyMode = 'on';
  services.users.admit(client);
  reply.simple('RESET');
}

/** The letters of CLIENT LIST's flags. */
function flagsOf(client: Client): string {
  const { tracking } = client;
  let flags = '';
  if (client.isMonitor) flags += 'O';
  if (client.isSubscriber) flags += 'P';
  if (client.queue !== null) flags += 'x';
  if (client.blocked !== null) flags += 'b';
  if ((tracking & TRACKS) !== 0) flags += 't';
  if ((tracking & REDIRECT_BROKEN) !== 0) flags += 'R';
  if ((tracking & BROADCASTS) !== 0) flags += 'B';
  if (client.watchBroken) flags += 'd';
  if (client.closing) flags += 'c';
  if (client.isUnblocked) flags += 'u';
  if (client.isOnUnixSocket) flags += 'U';
  if (client.noEvict) flags += 'e';
  if (client.noTouch) flags += 'T';
  return flags === '' ? 'N' : flags;
}

/** A client's line in CLIENT LIST (catClientInfoString). Replies wait in a buffer of all clients until the tick ends. */
export function describeClient(client: Client, nowMs: number): string {
  const { transport } = client;
  const age = Math.floor((nowMs - client.createdMs) / 1000);
  const idle = Math.floor((nowMs - client.lastInteractionMs) / 1000);
  return [
    `id=${client.id}`,
    `addr=${transport.address}`,
    `laddr=${transport.localAddress}`,
    `fd=${transport.descriptor}`,
    `name=${client.name}`,
    `age=${Math.max(0, age)}`,
    `idle=${Math.max(0, idle)}`,
    `flags=${flagsOf(client)}`,
    `db=${client.databaseNumber}`,
    `sub=${client.channelCount}`,
    `psub=${client.patternCount}`,
    `ssub=${client.shardChannelCount}`,
    `multi=${client.queue === null ? -1 : client.queue.length}`,
    `watch=${client.watched.size}`,
    `qbuf=${transport.queryBytes}`,
    `qbuf-free=${transport.queryCapacity - transport.queryBytes}`,
    `argv-mem=${client.blocked?.words.byteCount ?? 0}`,
    `multi-mem=${client.queueBytes}`,
    'rbs=0',
    'rbp=0',
    'obl=0',
    `oll=${transport.outputBytes > 0 ? 1 : 0}`,
    `omem=${transport.outputBytes}`,
    `tot-mem=${client.heldBytes}`,
    `events=${transport.outputBytes > 0 ? 'rw' : 'r'}`,
    `cmd=${client.lastCommand === null ? 'NULL' : client.lastCommand.fullName}`,
    `user=${client.user.name}`,
    `redir=${(client.tracking & TRACKS) === 0 ? -1 : client.trackingRedirect}`,
    `resp=${client.protocol}`,
    `lib-name=${client.libraryName}`,
    `lib-ver=${client.libraryVersion}`,
    'io-thread=0',
    `tot-net-in=${transport.receivedBytes}`,
    `tot-net-out=${transport.sentBytes}`,
    `tot-cmds=${client.commandCount}`,
  ].join(' ');
}

const CLIENT_TYPES = ['normal', 'master', 'replica', 'slave', 'pubsub'];

function typeOf(client: Client): string {
  return client.isSubscriber ? 'pubsub' : 'normal';
}

function clientList(call: Call): void {
  const { words, reply, services, keyspace } = call;
  let wanted: Set<number> | null = null;
  let wantedType: string | null = null;
  if (words.count === 4 && words.is(2, 'type')) {
    const type = words.text(3).toLowerCase();
    if (!CLIENT_TYPES.includes(type)) {
      reply.error(`ERR Unknown client type '${words.text(3)}'`);
      return;
    }
    wantedType = type;
  } else if (words.count > 3 && words.is(2, 'id')) {
    wanted = new Set();
    for (let at = 3; at < words.count; at++) {
      const id = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
      if (Number.isNaN(id)) {
        reply.error('ERR Invalid client ID');
        return;
      }
      wanted.add(id);
    }
  } else if (words.count !== 2) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const lines: string[] = [];
  for (const client of services.clients.values()) {
    const isWanted = wantedType === null || typeOf(client) === wantedType;
    if (isWanted && (wanted === null || wanted.has(client.id)))
      lines.push(`${describeClient(client, keyspace.nowMs)}\n`);
  }
  reply.verbatim('txt', lines.join(''));
}

function clientInfo(call: Call): void {
  call.reply.verbatim('txt', `${describeClient(call.client, call.keyspace.nowMs)}\n`);
}

function clientSetname(call: Call): void {
  const name = call.words.text(2);
  if (!isNameValid(name)) {
    call.reply.error(INVALID_NAME);
    return;
  }
  call.client.name = name;
  call.reply.ok();
}

function clientGetname(call: Call): void {
  if (call.client.name === '') call.reply.null();
  else call.reply.bulkText(call.client.name);
}

function clientSetinfo(call: Call): void {
  const { words, reply, client } = call;
  const value = words.text(3);
  const option = words.text(2);
  const isLibraryName = words.is(2, 'lib-name');
  if (!isLibraryName && !words.is(2, 'lib-ver')) {
    reply.error(`ERR Unrecognized option '${option}'`);
    return;
  }
  if (!isNameValid(value)) {
    reply.error(`ERR ${option} cannot contain spaces, newlines or special characters.`);
    return;
  }
  if (isLibraryName) client.libraryName = value;
  else client.libraryVersion = value;
  reply.ok();
}

/** A filter of CLIENT KILL; undefined after replying an error. */
function killFilter(call: Call): ((client: Client) => boolean) | undefined {
  const { words, reply, client: self, keyspace, services } = call;
  const tests: ((client: Client) => boolean)[] = [];
  let skipsSelf = true;
  for (let at = 2; at < words.count; at += 2) {
    if (at + 1 >= words.count) {
      reply.error(SYNTAX_ERROR);
      return undefined;
    }
    const value = words.text(at + 1);
    if (words.is(at, 'id')) {
      const id = parseInteger64Rounded(words.buffer, words.offsets[at + 1], words.lengths[at + 1]);
      if (Number.isNaN(id) || id < 1) {
        reply.error('ERR client-id should be greater than 0');
        return undefined;
      }
      tests.push((client) => client.id === id);
    } else if (words.is(at, 'maxage')) {
      const age = parseInteger64Rounded(words.buffer, words.offsets[at + 1], words.lengths[at + 1]);
      if (Number.isNaN(age) || age < 1) {
        reply.error('ERR maxage should be greater than 0');
        return undefined;
      }
      tests.push((client) => (keyspace.nowMs - client.createdMs) / 1000 >= age);
    } else if (words.is(at, 'type')) {
      const type = value.toLowerCase();
      if (!CLIENT_TYPES.includes(type)) {
        reply.error(`ERR Unknown client type '${value}'`);
        return undefined;
      }
      tests.push((client) => typeOf(client) === type);
    } else if (words.is(at, 'addr')) tests.push((client) => client.transport.address === value);
    else if (words.is(at, 'laddr')) tests.push((client) => client.transport.localAddress === value);
    else if (words.is(at, 'user')) {
      if (services.users.find(value) === undefined) {
        reply.error(`ERR No such user '${value}'`);
        return undefined;
      }
      tests.push((client) => client.user.name === value);
    } else if (words.is(at, 'skipme') && /^(yes|no)$/i.test(value)) skipsSelf = /^yes$/i.test(value);
    else {
      reply.error(SYNTAX_ERROR);
      return undefined;
    }
  }
  return (client) => !(skipsSelf && client === self) && tests.every((test) => test(client));
}

function clientKill(call: Call): void {
  const { words, reply, services, client: self } = call;
  let matches: ((client: Client) => boolean) | undefined;
  const isOldForm = words.count === 3;
  if (isOldForm) {
    const address = words.text(2);
    matches = (client) => client.transport.address === address;
  } else {
    matches = killFilter(call);
    if (matches === undefined) return;
  }
  let killed = 0;
  for (const client of [...services.clients.values()]) {
    if (!matches(client)) continue;
    client.transport.close(client === self);
    killed++;
  }
  if (!isOldForm) reply.integer(killed);
  else if (killed === 0) reply.error('ERR No such client');
  else reply.ok();
}

function clientNoEvict(call: Call): void {
  setSwitch(call, (value) => {
    call.client.noEvict = value;
  });
}

function clientNoTouch(call: Call): void {
  setSwitch(call, (value) => {
    call.client.noTouch = value;
  });
}

function setSwitch(call: Call, apply: (value: boolean) => void): void {
  const { words, reply } = call;
  if (words.is(2, 'on')) apply(true);
  else if (words.is(2, 'off')) apply(false);
  else {
    reply.error(SYNTAX_ERROR);
    return;
  }
  reply.ok();
}

/** The error of a subcommand that was given more than it takes. */
function wrongSubcommandCall({ words }: Call): string {
  return `ERR unknown subcommand or wrong number of arguments for '${words.text(1)}'. Try CLIENT HELP.`;
}

function clientPause(call: Call): void {
  const { words, reply, services, keyspace } = call;
  const isOfWrites = words.count === 4 && words.is(3, 'write');
  if (words.count > 4) {
    reply.error(wrongSubcommandCall(call));
    return;
  }
  if (words.count === 4 && !isOfWrites && !words.is(3, 'all')) {
    reply.error('ERR CLIENT PAUSE mode must be WRITE or ALL');
    return;
  }
  const timeoutMs = readTimeoutMs(call, 2);
  if (timeoutMs < 0) return;
  if (timeoutMs > 0)
    services.pauseClients(keyspace.nowMs + timeoutMs, isOfWrites ? PAUSES_WRITES : PAUSES_ALL);
  reply.ok();
}

function clientUnpause(call: Call): void {
  call.services.unpauseClients();
  call.reply.ok();
}

function clientUnblock(call: Call): void {
  const { words, reply, services } = call;
  const isError = words.count === 4 && words.is(3, 'error');
  if (words.count > 4) {
    reply.error(wrongSubcommandCall(call));
    return;
  }
  if (words.count === 4 && !isError && !words.is(3, 'timeout')) {
    reply.error('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
    return;
  }
  const id = parseInteger64Rounded(words.buffer, words.offsets[2], words.lengths[2]);
  if (Number.isNaN(id)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const client = services.clients.get(id);
  // What CLIENT PAUSE holds back has no timeout, so it is not unblocked either.
  if (client === undefined || client.blocked === null || client.blocked.isPostponed === true) {
    reply.integer(0);
    return;
  }
  services.endBlocking(client, isError ? 'UNBLOCKED client unblocked via CLIENT UNBLOCK' : null);
  reply.integer(1);
}

function clientReply(call: Call): void {
  const { words, reply, client } = call;
  if (words.is(2, 'on')) {
    client.replyMode = 'on';
    reply.ok();
  } else if (words.is(2, 'off')) client.replyMode = 'off';
  else if (words.is(2, 'skip')) {
    if (client.replyMode === 'on') client.replyMode = 'skip-next';
  } else reply.error(SYNTAX_ERROR);
}

const CLIENT_HELP = [
  'CACHING (YES|NO)',
  '    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.',
  'GETREDIR',
  '    Return the client ID we are redirecting to when tracking is enabled.',
  'GETNAME',
  '    Return the name of the current connection.',
  'ID',
  '    Return the ID of the current connection.',
  'INFO',
  '    Return information about the current client connection.',
  'KILL <ip:port>',
  '    Kill connection made from <ip:port>.',
  'KILL <option> <value> [<option> <value> [...]]',
  '    Kill connections. Options are:',
  '    * ADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made from the specified address',
  '    * LADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made to specified local address',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Kill connections by type.',
  '    * USER <username>',
  '      Kill connections authenticated by <username>.',
  '    * SKIPME (YES|NO)',
  '      Skip killing current connection (default: yes).',
  '    * ID <client-id>',
  '      Kill connections by client id.',
  '    * MAXAGE <maxage>',
  '      Kill connections older than the specified age.',
  'LIST [options ...]',
  '    Return information about client connections. Options:',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Return clients of specified type.',
  '    * ID <client-id> [<client-id> ...]',
  '      Return clients of specified IDs only.',
  'UNPAUSE',
  '    Stop the current client pause, resuming traffic.',
  'PAUSE <timeout> [WRITE|ALL]',
  '    Suspend all, or just write, clients for <timeout> milliseconds.',
  'REPLY (ON|OFF|SKIP)',
  '    Control the replies sent to the current connection.',
  'SETNAME <name>',
  '    Assign the name <name> to the current connection.',
  'SETINFO <option> <value>',
  '    Set client meta attr. Options are:',
  '    * LIB-NAME: the client lib name.',
  '    * LIB-VER: the client lib version.',
  'UNBLOCK <clientid> [TIMEOUT|ERROR]',
  '    Unblock the specified blocked client.',
  'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]',
  '         [OPTIN] [OPTOUT] [NOLOOP]',
  '    Control server assisted client side caching.',
  'TRACKINGINFO',
  '    Report tracking status for the current connection.',
  'NO-EVICT (ON|OFF)',
  '    Protect current client connection from eviction.',
  'NO-TOUCH (ON|OFF)',
  '    Will not touch LRU/LFU stats when this mode is on.',
];

/** What the rows of this family share. */
const row = {
  group: 'connection',
  categories: ['connection'],
  need: 'none',
  keys: [],
  complexity: 'O(1)',
} as const;
const CLIENT_FLAGS = ['noscript', 'loading', 'stale'] as const;
const ENABLED = oneOf('enabled', [token('on'), token('off')]);
/** CLIENT KILL's argument: an address, or filters. */
const KILL_FILTER = oneOf('filter', [
  argument('ip:port', 'string', { deprecatedSince: '2.8.12' }),
  oneOf(
    'new-format',
    [
      argument('client-id', 'integer', { token: 'ID', since: '2.8.12', optional: true }),
      oneOf(
        'normal_master_slave_pubsub',
        [
          token('normal'),
          token('master', { since: '3.2.0' }),
          token('slave'),
          token('replica', { since: '5.0.0' }),
          token('pubsub'),
        ],
        { token: 'TYPE', since: '2.8.12', optional: true },
      ),
      argument('username', 'string', { token: 'USER', optional: true }),
      argument('ip:port', 'string', { token: 'ADDR', optional: true }),
      argument('ip:port', 'string', { token: 'LADDR', since: '6.2.0', optional: true }),
      argument('yes/no', 'string', { token: 'SKIPME', optional: true }),
      argument('maxage', 'integer', { token: 'MAXAGE', since: '7.4.0', optional: true }),
    ],
    { multiple: true },
  ),
]);

export const CONNECTION_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'auth',
    summary: 'Authenticates the connection.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    history: [['6.0.0', 'Added the username.']],
    arguments: [
      argument('username', 'string', { since: '6.0.0', optional: true }),
      argument('password', 'string'),
    ],
    execute: auth,
  },
  {
    ...row,
    name: 'client',
    summary: 'A container for client connection commands.',
    since: '2.4.0',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    categories: [],
    subcommands: [
      {
        ...row,
        name: 'getname',
        summary: 'Returns the name of the connection.',
        since: '2.6.9',
        arity: 2,
        flags: CLIENT_FLAGS,
        execute: clientGetname,
      },
      helpRow('CLIENT', CLIENT_HELP, { group: 'connection', since: '5.0.0', categories: ['connection'] }),
      {
        ...row,
        name: 'id',
        summary: 'Returns the unique client ID of the connection.',
        since: '5.0.0',
        arity: 2,
        flags: CLIENT_FLAGS,
        execute: (call) => call.reply.integer(call.client.id),
      },
      {
        ...row,
        name: 'info',
        summary: 'Returns information about the connection.',
        since: '6.2.0',
        arity: 2,
        flags: CLIENT_FLAGS,
        hints: ['nondeterministic_output'],
        execute: clientInfo,
      },
      {
        ...row,
        name: 'kill',
        categories: ['connection', 'dangerous'],
        summary: 'Terminates open connections.',
        since: '2.4.0',
        complexity: 'O(N) in the number of client connections.',
        arity: -3,
        flags: ['admin', ...CLIENT_FLAGS],
        history: [
          ['2.8.12', 'Added the form with filters.'],
          ['2.8.12', 'Added the `ID` filter.'],
          ['3.2.0', 'Added the type `master`.'],
          ['5.0.0', 'Added the type `replica`, which `slave` means too.'],
          ['6.2.0', 'Added the `LADDR` filter.'],
          ['7.4.0', 'Added the `MAXAGE` filter.'],
        ],
        arguments: [KILL_FILTER],
        execute: clientKill,
      },
      {
        ...row,
        name: 'list',
        categories: ['connection', 'dangerous'],
        summary: 'Lists open connections.',
        since: '2.4.0',
        complexity: 'O(N) in the number of client connections.',
        arity: -2,
        flags: ['admin', ...CLIENT_FLAGS],
        hints: ['nondeterministic_output'],
        history: [
          ['2.8.12', 'Added the field `id`.'],
          ['5.0.0', 'Added the `TYPE` filter.'],
          ['6.0.0', 'Added the field `user`.'],
          ['6.2.0', 'Added the fields `argv-mem`, `tot-mem`, `laddr` and `redir`, and the `ID` filter.'],
          ['7.0.0', 'Added the fields `resp`, `multi-mem`, `rbs` and `rbp`.'],
          ['7.0.3', 'Added the field `ssub`.'],
          ['7.2.0', 'Added the fields `lib-name` and `lib-ver`.'],
          ['7.4.0', 'Added the field `watch`.'],
          ['8.0.0', 'Added the field `io-thread`.'],
        ],
        arguments: [
          oneOf(
            'normal_master_replica_pubsub',
            [token('normal'), token('master'), token('replica'), token('pubsub')],
            { token: 'TYPE', since: '5.0.0', optional: true },
          ),
          block('id', [argument('client-id', 'integer', { multiple: true })], {
            token: 'ID',
            since: '6.2.0',
            optional: true,
          }),
        ],
        execute: clientList,
      },
      {
        ...row,
        name: 'no-evict',
        categories: ['connection', 'dangerous'],
        summary: 'Sets the client eviction mode of the connection.',
        since: '7.0.0',
        arity: 3,
        flags: ['admin', ...CLIENT_FLAGS],
        arguments: [ENABLED],
        execute: clientNoEvict,
      },
      {
        ...row,
        name: 'no-touch',
        summary: 'Controls whether commands sent by the client affect the LRU/LFU of accessed keys.',
        since: '7.2.0',
        arity: 3,
        flags: CLIENT_FLAGS,
        arguments: [ENABLED],
        execute: clientNoTouch,
      },
      {
        ...row,
        name: 'pause',
        categories: ['connection', 'dangerous'],
        summary: 'Suspends commands processing.',
        since: '3.0.0',
        arity: -3,
        flags: ['admin', ...CLIENT_FLAGS],
        history: [['6.2.0', 'Added the mode, and with it `WRITE`.']],
        arguments: [
          argument('timeout', 'integer'),
          oneOf('mode', [token('write'), token('all')], { since: '6.2.0', optional: true }),
        ],
        execute: clientPause,
      },
      {
        ...row,
        name: 'reply',
        summary: 'Instructs the server whether to reply to commands.',
        since: '3.2.0',
        arity: 3,
        flags: CLIENT_FLAGS,
        arguments: [oneOf('on_off_skip', [token('on'), token('off'), token('skip')])],
        execute: clientReply,
      },
      {
        ...row,
        name: 'setinfo',
        summary: 'Sets information specific to the client or connection.',
        since: '7.2.0',
        arity: 4,
        flags: CLIENT_FLAGS,
        arguments: [
          oneOf('attr', [
            argument('libname', 'string', { token: 'LIB-NAME' }),
            argument('libver', 'string', { token: 'LIB-VER' }),
          ]),
        ],
        execute: clientSetinfo,
      },
      {
        ...row,
        name: 'setname',
        summary: 'Sets the connection name.',
        since: '2.6.9',
        arity: 3,
        flags: CLIENT_FLAGS,
        arguments: [argument('connection-name', 'string')],
        execute: clientSetname,
      },
      ...TRACKING_SUBCOMMANDS,
      {
        ...row,
        name: 'unblock',
        categories: ['connection', 'dangerous'],
        summary: 'Unblocks a client blocked by a blocking command from a different connection.',
        since: '5.0.0',
        arity: -3,
        flags: ['admin', ...CLIENT_FLAGS],
        arguments: [
          argument('client-id', 'integer'),
          oneOf('timeout_error', [token('timeout'), token('error')], OPTIONAL),
        ],
        execute: clientUnblock,
      },
      {
        ...row,
        name: 'unpause',
        categories: ['connection', 'dangerous'],
        summary: 'Resumes processing commands from paused clients.',
        since: '6.2.0',
        complexity: 'O(N) in the number of paused clients.',
        arity: 2,
        flags: ['admin', ...CLIENT_FLAGS],
        execute: clientUnpause,
      },
    ],
  },
  {
    ...row,
    name: 'echo',
    summary: 'Returns the given string.',
    since: '1.0.0',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    arguments: [argument('message', 'string')],
    execute: (call) => call.replyWord(1),
  },
  {
    ...row,
    name: 'hello',
    summary: 'Handshakes with the server.',
    since: '6.0.0',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    history: [['6.2.0', 'The protocol version may be left out.']],
    arguments: [
      block(
        'arguments',
        [
          argument('protover', 'integer'),
          block('username_password', [argument('username', 'string'), argument('password', 'string')], {
            token: 'AUTH',
            optional: true,
          }),
          argument('clientname', 'string', { token: 'SETNAME', optional: true }),
        ],
        OPTIONAL,
      ),
    ],
    execute: hello,
  },
  {
    ...row,
    name: 'ping',
    summary: 'Returns the server’s liveliness response.',
    since: '1.0.0',
    arity: -1,
    flags: ['fast'],
    hints: ['request_policy:all_shards', 'response_policy:all_succeeded'],
    arguments: [argument('message', 'string', OPTIONAL)],
    execute: ping,
  },
  {
    ...row,
    name: 'quit',
    summary: 'Closes the connection.',
    since: '1.0.0',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    docFlags: ['deprecated'],
    deprecatedSince: '7.2.0',
    replacedBy: 'just closing the connection',
    execute: quit,
  },
  {
    ...row,
    name: 'reset',
    summary: 'Resets the connection.',
    since: '6.2.0',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    execute: reset,
  },
];
