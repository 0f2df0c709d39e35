import type { CommandDocs } from '../command-table/row.ts';
import { argument, OPTIONAL, oneOf, token } from './common-docs.ts';

const USER_NAME = argument('username', 'string');

/** Documentation of the subcommands of ACL, by name. */
export const ACL_DOCS = {
  cat: { arguments: [argument('category', 'string', OPTIONAL)] },
  deluser: { arguments: [argument('username', 'string', { multiple: true })] },
  dryrun: {
    arguments: [
      USER_NAME,
      argument('command', 'string'),
      argument('arg', 'string', { optional: true, multiple: true }),
    ],
  },
  genpass: { arguments: [argument('bits', 'integer', OPTIONAL)] },
  getuser: {
    arguments: [USER_NAME],
    history: [
      ['6.2.0', 'Added the patterns of Pub/Sub channels.'],
      ['7.0.0', 'Added selectors; patterns of keys and channels are given as their rules.'],
    ],
  },
  list: {},
  load: {},
  log: {
    arguments: [oneOf('operation', [argument('count', 'integer'), token('reset')], OPTIONAL)],
    history: [['7.2.0', 'Added the entry’s id and the times when it was made and updated.']],
  },
  save: {},
  setuser: {
    arguments: [USER_NAME, argument('rule', 'string', { optional: true, multiple: true })],
    history: [
      ['6.2.0', 'Added the patterns of Pub/Sub channels.'],
      ['7.0.0', 'Added selectors and permissions by key.'],
    ],
  },
  users: {},
  whoami: {},
} as const satisfies Record<string, CommandDocs>;
