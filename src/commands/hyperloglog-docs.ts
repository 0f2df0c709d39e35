import type { CommandDocs } from '../command-table/row.ts';
import { argument, KEY, KEYS } from './common-docs.ts';

/** Documentation of the HyperLogLog commands, by name. */
export const HYPERLOGLOG_DOCS = {
  pfadd: { arguments: [KEY, argument('element', 'string', { optional: true, multiple: true })] },
  pfcount: { arguments: [KEYS] },
  pfdebug: { arguments: [argument('subcommand', 'string'), KEY] },
  pfmerge: {
    arguments: [
      argument('destkey', 'key', { keySpec: 0 }),
      argument('sourcekey', 'key', { keySpec: 1, optional: true, multiple: true }),
    ],
  },
  pfselftest: {},
} as const satisfies Record<string, CommandDocs>;
