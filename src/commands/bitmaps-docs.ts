import type { CommandDocs } from '../command-table/row.ts';
import { argument, block, KEY, KEYS, OPTIONAL, oneOf, token } from './common-docs.ts';

const OFFSET = argument('offset', 'integer');
const START = argument('start', 'integer');
const END = argument('end', 'integer');
const UNIT = oneOf('unit', [token('byte'), token('bit')], { optional: true, since: '7.0.0' });
const UNIT_HISTORY = [['7.0.0', 'Added the `BYTE|BIT` option.']] as const;
const FIELD = [argument('encoding', 'string'), OFFSET];

/** Documentation of the bitmap commands, by name. */
export const BITMAP_DOCS = {
  bitcount: { arguments: [KEY, block('range', [START, END, UNIT], OPTIONAL)], history: UNIT_HISTORY },
  bitfield: {
    arguments: [
      KEY,
      oneOf(
        'operation',
        [
          block('get-block', FIELD, { token: 'GET' }),
          block('write', [
            oneOf('overflow-block', [token('wrap'), token('sat'), token('fail')], {
              token: 'OVERFLOW',
              optional: true,
            }),
            oneOf('write-operation', [
              block('set-block', [...FIELD, argument('value', 'integer')], { token: 'SET' }),
              block('incrby-block', [...FIELD, argument('increment', 'integer')], { token: 'INCRBY' }),
            ]),
          ]),
        ],
        { optional: true, multiple: true },
      ),
    ],
  },
  bitfield_ro: {
    arguments: [
      KEY,
      block('get-block', FIELD, { token: 'GET', optional: true, multiple: true, multipleToken: true }),
    ],
  },
  bitop: {
    arguments: [
      oneOf('operation', [
        token('and'),
        token('or'),
        token('xor'),
        token('not'),
        token('diff'),
        token('diff1'),
        token('andor'),
        token('one'),
      ]),
      argument('destkey', 'key', { keySpec: 0 }),
      { ...KEYS, keySpec: 1 },
    ],
    history: [['8.2.0', 'Added the `DIFF`, `DIFF1`, `ANDOR` and `ONE` operations.']],
  },
  bitpos: {
    arguments: [
      KEY,
      argument('bit', 'integer'),
      block('range', [START, block('end-unit-block', [END, UNIT], OPTIONAL)], OPTIONAL),
    ],
    history: UNIT_HISTORY,
  },
  getbit: { arguments: [KEY, OFFSET] },
  setbit: { arguments: [KEY, OFFSET, argument('value', 'integer')] },
} as const satisfies Record<string, CommandDocs>;
