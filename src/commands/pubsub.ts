import { globMatch } from '../base/glob.ts';
import type { Call } from '../command-table/call.ts';
import type { Subscriptions } from '../command-table/publications.ts';
import type { CommandRow } from '../command-table/row.ts';
import { replyHelp } from './help.ts';
import { keyAt, keysFrom } from './key-specs.ts';
import { PUBSUB_DOCS, PUBSUB_SUBCOMMAND_DOCS } from './pubsub-docs.ts';

/** What subscriptions of a kind are and are called in messages. */
interface Kind {
  readonly of: (call: Call) => Subscriptions;
  readonly subscribed: string;
  readonly unsubscribed: string;
  /** The count that a client is told: channels and patterns together, or shard channels. */
  readonly count: (call: Call) => number;
}

function count({ client }: Call): number {
  return client.channelCount + client.patternCount;
}

const CHANNELS: Kind = {
  of: (call) => call.services.publications.channels,
  subscribed: 'subscribe',
  unsubscribed: 'unsubscribe',
  count,
};
const PATTERNS: Kind = {
  of: (call) => call.services.publications.patterns,
  subscribed: 'psubscribe',
  unsubscribed: 'punsubscribe',
  count,
};
const SHARD_CHANNELS: Kind = {
  of: (call) => call.services.publications.shardChannels,
  subscribed: 'ssubscribe',
  unsubscribed: 'sunsubscribe',
  count: (call) => call.client.shardChannelCount,
};

/** The message that tells a client of the beginning or end of a subscription. */
function confirm(
  call: Call,
  event: string,
  name: Uint8Array | null,
  offset: number,
  length: number,
  kind: Kind,
): void {
  const { reply } = call;
  reply.push(3);
  reply.bulkText(event);
  if (name === null) reply.null();
  else reply.bulk(name, offset, length);
  reply.integer(kind.count(call));
}

/** What was written since `start` is messages, not a reply: CLIENT REPLY does not keep it from the client. */
function pushUnheard(call: Call, start: number): void {
  const { reply, client } = call;
  if (client.replyMode === 'on') return;
  const length = reply.length - start;
  client.transport.push(Buffer.from(reply.buffer.subarray(start, reply.length)), 0, length);
  reply.length = start;
}

function subscribe(call: Call, kind: Kind): void {
  const { words, client, reply } = call;
  if (client.isInternal) {
    reply.error(
      `ERR ${kind.subscribed.toUpperCase()} needs a connection that messages can be sent to, and an embedded store has none`,
    );
    return;
  }
  const subscriptions = kind.of(call);
  const start = reply.length;
  for (let at = 1; at < words.count; at++) {
    const offset = words.offsets[at];
    const length = words.lengths[at];
    subscriptions.subscribe(client, words.buffer, offset, length);
    confirm(call, kind.subscribed, words.buffer, offset, length, kind);
  }
  pushUnheard(call, start);
}

function ssubscribe(call: Call): void {
  // The others may be queued by MULTI for the sake of old clients.
  if (call.client.nested) call.reply.error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  else subscribe(call, SHARD_CHANNELS);
}

function unsubscribe(call: Call, kind: Kind): void {
  const { words, client, reply } = call;
  const subscriptions = kind.of(call);
  const start = reply.length;
  if (words.count === 1) {
    const names = subscriptions.namesOf(client);
    for (const name of names) {
      subscriptions.unsubscribe(client, name, 0, name.length);
      confirm(call, kind.unsubscribed, name, 0, name.length, kind);
    }
    if (names.length === 0) confirm(call, kind.unsubscribed, null, 0, 0, kind);
  }
  for (let at = 1; at < words.count; at++) {
    const offset = words.offsets[at];
    const length = words.lengths[at];
    subscriptions.unsubscribe(client, words.buffer, offset, length);
    confirm(call, kind.unsubscribed, words.buffer, offset, length, kind);
  }
  pushUnheard(call, start);
}

function publish(call: Call): void {
  const { buffer, offsets, lengths } = call.words;
  call.isForReplicas = true;
  const receivers = call.services.publications.publish(
    buffer,
    offsets[1],
    lengths[1],
    buffer,
    offsets[2],
    lengths[2],
  );
  call.reply.integer(receivers);
}

function spublish(call: Call): void {
  const { buffer, offsets, lengths } = call.words;
  call.isForReplicas = true;
  const receivers = call.services.publications.publishToShard(
    buffer,
    offsets[1],
    lengths[1],
    buffer,
    offsets[2],
    lengths[2],
  );
  call.reply.integer(receivers);
}

/** PUBSUB CHANNELS and SHARDCHANNELS. */
function names(call: Call, kind: Kind): void {
  const { words, reply } = call;
  if (words.count > 3) {
    reply.error(
      `ERR unknown subcommand or wrong number of arguments for '${words.text(1)}'. Try PUBSUB HELP.`,
    );
    return;
  }
  const mark = reply.open();
  let count = 0;
  for (const name of kind.of(call).names()) {
    if (words.count === 3 && !matchesWord(call, 2, name)) continue;
    reply.bulk(name, 0, name.length);
    count++;
  }
  reply.closeArray(mark, count);
}

/** Whether the pattern in argument `at` matches a name; the empty one is matched by no star, as in Redis. */
function matchesWord({ words }: Call, at: number, name: Uint8Array): boolean {
  if (name.length === 0) return words.lengths[at] === 0;
  return globMatch(words.buffer, words.offsets[at], words.lengths[at], name, 0, name.length, false);
}

/** PUBSUB NUMSUB and SHARDNUMSUB. */
function subscriberCounts(call: Call, kind: Kind): void {
  const { words, reply } = call;
  const subscriptions = kind.of(call);
  reply.array((words.count - 2) * 2);
  for (let at = 2; at < words.count; at++) {
    call.replyWord(at);
    reply.integer(subscriptions.subscriberCount(words.buffer, words.offsets[at], words.lengths[at]));
  }
}

const PUBSUB_HELP = [
  'CHANNELS [<pattern>]',
  "    Return the currently active channels matching a <pattern> (default: '*').",
  'NUMPAT',
  '    Return number of subscriptions to patterns.',
  'NUMSUB [<channel> ...]',
  '    Return the number of subscribers for the specified channels, excluding',
  '    pattern subscriptions(default: no channels).',
  'SHARDCHANNELS [<pattern>]',
  "    Return the currently active shard level channels matching a <pattern> (default: '*').",
  'SHARDNUMSUB [<shardchannel> ...]',
  '    Return the number of subscribers for the specified shard level channel(s)',
];

/** What the rows of this family share. */
const row = { group: 'pubsub', categories: [], need: 'none', keys: [] } as const;
const SUBSCRIBE_FLAGS = ['pubsub', 'noscript', 'loading', 'stale'] as const;
const PUBLISH_FLAGS = ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'] as const;
const PUBSUB_FLAGS = ['pubsub', 'loading', 'stale'] as const;

export const PUBSUB_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    ...PUBSUB_DOCS.psubscribe,
    name: 'psubscribe',
    summary: 'Listens for messages published to channels that match one or more patterns.',
    since: '2.0.0',
    complexity: 'O(1) for every pattern.',
    arity: -2,
    flags: SUBSCRIBE_FLAGS,
    execute: (call) => subscribe(call, PATTERNS),
  },
  {
    ...row,
    ...PUBSUB_DOCS.publish,
    name: 'publish',
    summary: 'Posts a message to a channel.',
    since: '2.0.0',
    complexity: 'O(N+M) where N is the number of receivers and M is the number of patterns subscribed to.',
    arity: 3,
    flags: PUBLISH_FLAGS,
    execute: publish,
  },
  {
    ...row,
    name: 'pubsub',
    summary: 'A container for Pub/Sub commands.',
    since: '2.8.0',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...row,
        ...PUBSUB_SUBCOMMAND_DOCS.channels,
        name: 'channels',
        summary: 'Returns the active channels.',
        since: '2.8.0',
        complexity: 'O(N) where N is the number of active channels.',
        arity: -2,
        flags: PUBSUB_FLAGS,
        execute: (call) => names(call, CHANNELS),
      },
      {
        ...row,
        name: 'help',
        summary: 'Returns helpful text about the subcommands.',
        since: '6.2.0',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        execute: (call) => replyHelp(call, 'PUBSUB', PUBSUB_HELP),
      },
      {
        ...row,
        name: 'numpat',
        summary: 'Returns the number of patterns that clients are subscribed to.',
        since: '2.8.0',
        complexity: 'O(1)',
        arity: 2,
        flags: PUBSUB_FLAGS,
        execute: (call) => call.reply.integer(call.services.publications.patterns.size),
      },
      {
        ...row,
        ...PUBSUB_SUBCOMMAND_DOCS.numsub,
        name: 'numsub',
        summary: 'Returns the number of subscribers of channels.',
        since: '2.8.0',
        complexity: 'O(N) where N is the number of channels asked for.',
        arity: -2,
        flags: PUBSUB_FLAGS,
        execute: (call) => subscriberCounts(call, CHANNELS),
      },
      {
        ...row,
        ...PUBSUB_SUBCOMMAND_DOCS.shardchannels,
        name: 'shardchannels',
        summary: 'Returns the active shard channels.',
        since: '7.0.0',
        complexity: 'O(N) where N is the number of active shard channels.',
        arity: -2,
        flags: PUBSUB_FLAGS,
        execute: (call) => names(call, SHARD_CHANNELS),
      },
      {
        ...row,
        ...PUBSUB_SUBCOMMAND_DOCS.shardnumsub,
        name: 'shardnumsub',
        summary: 'Returns the number of subscribers of shard channels.',
        since: '7.0.0',
        complexity: 'O(N) where N is the number of shard channels asked for.',
        arity: -2,
        flags: PUBSUB_FLAGS,
        execute: (call) => subscriberCounts(call, SHARD_CHANNELS),
      },
    ],
  },
  {
    ...row,
    ...PUBSUB_DOCS.punsubscribe,
    name: 'punsubscribe',
    summary: 'Stops listening to messages published to channels that match one or more patterns.',
    since: '2.0.0',
    complexity: 'O(1) for every pattern.',
    arity: -1,
    flags: SUBSCRIBE_FLAGS,
    execute: (call) => unsubscribe(call, PATTERNS),
  },
  {
    ...row,
    ...PUBSUB_DOCS.spublish,
    name: 'spublish',
    summary: 'Posts a message to a shard channel.',
    since: '7.0.0',
    complexity: 'O(N) where N is the number of receivers.',
    arity: 3,
    flags: PUBLISH_FLAGS,
    keys: [keyAt(1, 'not_key')],
    execute: spublish,
  },
  {
    ...row,
    ...PUBSUB_DOCS.ssubscribe,
    name: 'ssubscribe',
    summary: 'Listens for messages published to shard channels.',
    since: '7.0.0',
    complexity: 'O(1) for every shard channel.',
    arity: -2,
    flags: SUBSCRIBE_FLAGS,
    keys: [keysFrom(1, 1, 'not_key')],
    execute: ssubscribe,
  },
  {
    ...row,
    ...PUBSUB_DOCS.subscribe,
    name: 'subscribe',
    summary: 'Listens for messages published to channels.',
    since: '2.0.0',
    complexity: 'O(1) for every channel.',
    arity: -2,
    flags: SUBSCRIBE_FLAGS,
    execute: (call) => subscribe(call, CHANNELS),
  },
  {
    ...row,
    ...PUBSUB_DOCS.sunsubscribe,
    name: 'sunsubscribe',
    summary: 'Stops listening to messages published to shard channels.',
    since: '7.0.0',
    complexity: 'O(1) for every shard channel.',
    arity: -1,
    flags: SUBSCRIBE_FLAGS,
    keys: [keysFrom(1, 1, 'not_key')],
    execute: (call) => unsubscribe(call, SHARD_CHANNELS),
  },
  {
    ...row,
    ...PUBSUB_DOCS.unsubscribe,
    name: 'unsubscribe',
    summary: 'Stops listening to messages published to channels.',
    since: '2.0.0',
    complexity: 'O(1) for every channel.',
    arity: -1,
    flags: SUBSCRIBE_FLAGS,
    execute: (call) => unsubscribe(call, CHANNELS),
  },
];
