import type { ArgumentDoc, CommandDocs } from '../command-table/row.ts';
import { argument, block, KEY, OPTIONAL, oneOf, token } from './common-docs.ts';

const OPTIONS: readonly ArgumentDoc[] = [
  KEY,
  argument('pattern', 'pattern', { keySpec: 1, optional: true, token: 'BY' }),
  block('offset_count', [argument('offset', 'integer'), argument('count', 'integer')], {
    optional: true,
    token: 'LIMIT',
  }),
  argument('pattern', 'pattern', {
    keySpec: 1,
    optional: true,
    multiple: true,
    multipleToken: true,
    token: 'GET',
  }),
  oneOf('order', [token('asc'), token('desc')], OPTIONAL),
  token('sorting', { optional: true, token: 'ALPHA' }),
];

/** Documentation of the commands that sort, by name. */
export const SORT_DOCS = {
  sort: {
    arguments: [...OPTIONS, argument('destination', 'key', { keySpec: 2, optional: true, token: 'STORE' })],
  },
  sort_ro: { arguments: OPTIONS },
} as const satisfies Readonly<Record<string, CommandDocs>>;
