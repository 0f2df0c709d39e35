import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import {
  BROADCASTS,
  CACHING,
  NO_LOOP,
  OPTS_IN,
  OPTS_OUT,
  REDIRECT_BROKEN,
  TRACKS,
} from '../command-table/tracking.ts';
import { argument, OPTIONAL, oneOf, token } from './common-docs.ts';

/** What CLIENT TRACKING was given. */
interface Options {
  mode: number;
  redirect: number;
  readonly prefixes: Uint8Array[];
}

/** Reads the options; an error to reply instead. */
function readOptions({ words, services }: Call): Options | string {
  const options: Options = { mode: 0, redirect: 0, prefixes: [] };
  for (let at = 3; at < words.count; at++) {
    const hasMore = at + 1 < words.count;
    if (words.is(at, 'redirect') && hasMore) {
      at++;
      if (options.redirect !== 0) return 'ERR A client can only redirect to a single other client';
      const id = parseInteger64(words.buffer, words.offsets[at], words.lengths[at]);
      if (id === undefined) return NOT_AN_INTEGER;
      if (!services.clients.has(Number(id))) return 'ERR The client ID you want redirect to does not exist';
      options.redirect = Number(id);
    } else if (words.is(at, 'bcast')) options.mode |= BROADCASTS;
    else if (words.is(at, 'optin')) options.mode |= OPTS_IN;
    else if (words.is(at, 'optout')) options.mode |= OPTS_OUT;
    else if (words.is(at, 'noloop')) options.mode |= NO_LOOP;
    else if (words.is(at, 'prefix') && hasMore) options.prefixes.push(words.copy(++at));
    else return SYNTAX_ERROR;
  }
  return options;
}

/** Why a client can't begin to track by these options, or undefined. */
function conflict(call: Call, { mode, prefixes }: Options): string | undefined {
  const { tracking } = call.client;
  const broadcasts = (mode & BROADCASTS) !== 0;
  if (!broadcasts && prefixes.length > 0) return 'ERR PREFIX option requires BCAST mode to be enabled';
  if ((tracking & TRACKS) !== 0 && ((tracking ^ mode) & BROADCASTS) !== 0) {
    return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.";
  }
  const option = mode & (OPTS_IN | OPTS_OUT);
  if (broadcasts && option !== 0) return 'ERR OPTIN and OPTOUT are not compatible with BCAST';
  if (option === (OPTS_IN | OPTS_OUT)) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  if (option !== 0 && (tracking & (OPTS_IN | OPTS_OUT) & ~option) !== 0) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.";
  }
  return broadcasts ? overlap(prefixes, call.services.tracking.prefixesOf(call.client)) : undefined;
}

/** The error of a prefix that begins with another or with which another begins. */
function overlap(prefixes: readonly Uint8Array[], existing: readonly Uint8Array[]): string | undefined {
  for (const [at, prefix] of prefixes.entries()) {
    const old = existing.find((other) => haveSameBeginning(other, prefix));
    if (old !== undefined) {
      return `ERR Prefix '${shown(prefix)}' overlaps with an existing prefix '${shown(old)}'. Prefixes for a single client must not overlap.`;
    }
    const other = prefixes.slice(at + 1).find((later) => haveSameBeginning(later, prefix));
    if (other !== undefined) {
      return `ERR Prefix '${shown(prefix)}' overlaps with another provided prefix '${shown(other)}'. Prefixes for a single client must not overlap.`;
    }
  }
  return undefined;
}

function haveSameBeginning(left: Uint8Array, right: Uint8Array): boolean {
  const length = Math.min(left.length, right.length);
  return Buffer.compare(left.subarray(0, length), right.subarray(0, length)) === 0;
}

function shown(prefix: Uint8Array): string {
  return Buffer.from(prefix).toString('latin1');
}

function clientTracking(call: Call): void {
  const { words, reply, client, services } = call;
  const options = readOptions(call);
  let error = typeof options === 'string' ? options : undefined;
  if (typeof options !== 'string') {
    if (words.is(2, 'on')) {
      error = client.isInternal
        ? 'ERR CLIENT TRACKING needs a connection that messages can be sent to, and an embedded store has none'
        : conflict(call, options);
      if (error === undefined) {
        services.tracking.enable(client, options.redirect, options.mode, options.prefixes);
      }
    } else if (words.is(2, 'off')) services.tracking.disable(client);
    else error = SYNTAX_ERROR;
  }
  if (error === undefined) reply.ok();
  else reply.error(error);
}

function clientCaching(call: Call): void {
  const { words, reply, client } = call;
  const { tracking } = client;
  if ((tracking & TRACKS) === 0) {
    reply.error(
      'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
    );
    return;
  }
  const isYes = words.is(2, 'yes');
  if (!isYes && !words.is(2, 'no')) reply.error(SYNTAX_ERROR);
  else if (isYes && (tracking & OPTS_IN) === 0) {
    reply.error('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.');
  } else if (!isYes && (tracking & OPTS_OUT) === 0) {
    reply.error('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.');
  } else {
    client.tracking |= CACHING;
    reply.ok();
  }
}

/** The id of the client that is told in place of this one, 0 for none; -1 if it does not track. */
function redirectOf({ client }: Call): number {
  return (client.tracking & TRACKS) === 0 ? -1 : client.trackingRedirect;
}

const MODE_NAMES: readonly (readonly [bits: number, name: string])[] = [
  [BROADCASTS, 'bcast'],
  [OPTS_IN, 'optin'],
  [OPTS_IN | CACHING, 'caching-yes'],
  [OPTS_OUT, 'optout'],
  [OPTS_OUT | CACHING, 'caching-no'],
  [NO_LOOP, 'noloop'],
  [REDIRECT_BROKEN, 'broken_redirect'],
];

function clientTrackinginfo(call: Call): void {
  const { reply, client, services } = call;
  const { tracking } = client;
  const names = MODE_NAMES.filter(([bits]) => (tracking & bits) === bits).map(([, name]) => name);
  reply.map(3);
  reply.bulkText('flags');
  reply.set(names.length + 1);
  reply.bulkText((tracking & TRACKS) === 0 ? 'off' : 'on');
  for (const name of names) reply.bulkText(name);
  reply.bulkText('redirect');
  reply.integer(redirectOf(call));
  reply.bulkText('prefixes');
  const prefixes = services.tracking.prefixesOf(client);
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulk(prefix, 0, prefix.length);
}

/** What the rows share. */
const row = {
  group: 'connection',
  categories: ['connection'],
  need: 'none',
  keys: [],
  complexity: 'O(1)',
  flags: ['noscript', 'loading', 'stale'],
} as const;

/** CLIENT's subcommands about client-side caching. */
export const TRACKING_SUBCOMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'caching',
    summary: 'Instructs the server whether to track the keys of the next command.',
    since: '6.0.0',
    arity: 3,
    arguments: [oneOf('mode', [token('yes'), token('no')])],
    execute: clientCaching,
  },
  {
    ...row,
    name: 'getredir',
    summary: 'Returns the client ID to which tracking notifications are redirected.',
    since: '6.0.0',
    arity: 2,
    execute: (call) => call.reply.integer(redirectOf(call)),
  },
  {
    ...row,
    name: 'tracking',
    summary: 'Controls server-assisted client-side caching for the connection.',
    since: '6.0.0',
    complexity: 'O(1), or with `PREFIX` O(N) in the number of prefixes of the client.',
    arity: -3,
    arguments: [
      oneOf('status', [token('on'), token('off')]),
      argument('client-id', 'integer', { token: 'REDIRECT', optional: true }),
      argument('prefix', 'string', { token: 'PREFIX', optional: true, multiple: true, multipleToken: true }),
      ...['bcast', 'optin', 'optout', 'noloop'].map((name) => token(name, OPTIONAL)),
    ],
    execute: clientTracking,
  },
  {
    ...row,
    name: 'trackinginfo',
    summary: 'Returns information about server-assisted client-side caching for the connection.',
    since: '6.2.0',
    arity: 2,
    execute: clientTrackinginfo,
  },
];
