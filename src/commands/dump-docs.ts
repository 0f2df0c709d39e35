import type { CommandDocs } from '../command-table/row.ts';
import { argument, KEY, token } from './common-docs.ts';

const since = '5.0.0';

const RESTORE: CommandDocs = {
  arguments: [
    KEY,
    argument('ttl', 'integer'),
    argument('serialized-value', 'string'),
    token('replace', { optional: true, since: '3.0.0' }),
    token('absttl', { optional: true, since }),
    argument('seconds', 'integer', { optional: true, since, token: 'IDLETIME' }),
    argument('frequency', 'integer', { optional: true, since, token: 'FREQ' }),
  ],
  history: [
    ['3.0.0', 'Added the `REPLACE` modifier.'],
    ['5.0.0', 'Added the `ABSTTL` modifier.'],
    ['5.0.0', 'Added the `IDLETIME` and `FREQ` options.'],
  ],
};

/** What COMMAND DOCS tells of DUMP and RESTORE. */
export const DUMP_DOCS = {
  dump: { arguments: [KEY], hints: ['nondeterministic_output'] },
  restore: RESTORE,
  'restore-asking': RESTORE,
} as const satisfies Readonly<Record<string, CommandDocs>>;
