import type { CommandDocs } from '../command-table/row.ts';
import { argument, block, OPTIONAL } from './common-docs.ts';

const MULTIPLE = { multiple: true } as const;
const SOME = { optional: true, multiple: true } as const;

/** Documentation of the Pub/Sub commands, by name. */
export const PUBSUB_DOCS = {
  psubscribe: { arguments: [block('pattern', [argument('pattern', 'pattern')], MULTIPLE)] },
  publish: { arguments: [argument('channel', 'string'), argument('message', 'string')] },
  punsubscribe: { arguments: [argument('pattern', 'pattern', SOME)] },
  spublish: { arguments: [argument('shardchannel', 'string'), argument('message', 'string')] },
  ssubscribe: { arguments: [argument('shardchannel', 'string', MULTIPLE)] },
  subscribe: { arguments: [argument('channel', 'string', MULTIPLE)] },
  sunsubscribe: { arguments: [argument('shardchannel', 'string', SOME)] },
  unsubscribe: { arguments: [argument('channel', 'string', SOME)] },
} satisfies Record<string, CommandDocs>;

/** Documentation of PUBSUB's subcommands, by name. */
export const PUBSUB_SUBCOMMAND_DOCS = {
  channels: { arguments: [argument('pattern', 'pattern', OPTIONAL)] },
  numsub: { arguments: [argument('channel', 'string', SOME)] },
  shardchannels: { arguments: [argument('pattern', 'pattern', OPTIONAL)] },
  shardnumsub: { arguments: [argument('shardchannel', 'string', SOME)] },
} satisfies Record<string, CommandDocs>;
