import type { CommandDocs } from '../command-table/row.ts';
import { argument, block, KEY, oneOf, token } from './common-docs.ts';

/** Documentation of the geo commands, by name. */
export const GEO_DOCS = {
  geoadd: {
    arguments: [
      KEY,
      oneOf('condition', [token('nx'), token('xx')], { optional: true, since: '6.2.0' }),
      token('change', { optional: true, since: '6.2.0', token: 'CH' }),
      block(
        'longitude_latitude_member',
        [argument('longitude', 'double'), argument('latitude', 'double'), argument('member', 'string')],
        { multiple: true },
      ),
    ],
    history: [['6.2.0', 'Added the `CH`, `NX` and `XX` options.']],
  },
  geodist: {
    arguments: [
      KEY,
      argument('member1', 'string'),
      argument('member2', 'string'),
      oneOf('unit', [token('m'), token('km'), token('ft'), token('mi')], { optional: true }),
    ],
  },
  geohash: { arguments: [KEY, argument('member', 'string', { multiple: true })] },
  geopos: { arguments: [KEY, argument('member', 'string', { multiple: true })] },
  georadius: {
    arguments: [
      KEY,
      argument('longitude', 'double'),
      argument('latitude', 'double'),
      argument('radius', 'double'),
      oneOf('unit', [token('m'), token('km'), token('ft'), token('mi')]),
      token('withcoord', { optional: true }),
      token('withdist', { optional: true }),
      token('withhash', { optional: true }),
      block(
        'count',
        [argument('count', 'integer', { token: 'COUNT' }), token('any', { optional: true, since: '6.2.0' })],
        { optional: true },
      ),
      oneOf('order', [token('asc'), token('desc')], { optional: true }),
      argument('key', 'key', { keySpec: 1, optional: true, token: 'STORE' }),
      argument('key', 'key', { keySpec: 2, optional: true, token: 'STOREDIST' }),
    ],
    history: [
      ['6.2.0', 'Added the `ANY` option for `COUNT`.'],
      ['7.0.0', 'Added support for uppercase unit names.'],
    ],
  },
  georadius_ro: {
    arguments: [
      KEY,
      argument('longitude', 'double'),
      argument('latitude', 'double'),
      argument('radius', 'double'),
      oneOf('unit', [token('m'), token('km'), token('ft'), token('mi')]),
      token('withcoord', { optional: true }),
      token('withdist', { optional: true }),
      token('withhash', { optional: true }),
      block(
        'count',
        [argument('count', 'integer', { token: 'COUNT' }), token('any', { optional: true, since: '6.2.0' })],
        { optional: true },
      ),
      oneOf('order', [token('asc'), token('desc')], { optional: true }),
    ],
    history: [['6.2.0', 'Added the `ANY` option for `COUNT`.']],
  },
  georadiusbymember: {
    arguments: [
      KEY,
      argument('member', 'string'),
      argument('radius', 'double'),
      oneOf('unit', [token('m'), token('km'), token('ft'), token('mi')]),
      token('withcoord', { optional: true }),
      token('withdist', { optional: true }),
      token('withhash', { optional: true }),
      block('count', [argument('count', 'integer', { token: 'COUNT' }), token('any', { optional: true })], {
        optional: true,
      }),
      oneOf('order', [token('asc'), token('desc')], { optional: true }),
      argument('key', 'key', { keySpec: 1, optional: true, token: 'STORE' }),
      argument('key', 'key', { keySpec: 2, optional: true, token: 'STOREDIST' }),
    ],
    history: [['7.0.0', 'Added support for uppercase unit names.']],
  },
  georadiusbymember_ro: {
    arguments: [
      KEY,
      argument('member', 'string'),
      argument('radius', 'double'),
      oneOf('unit', [token('m'), token('km'), token('ft'), token('mi')]),
      token('withcoord', { optional: true }),
      token('withdist', { optional: true }),
      token('withhash', { optional: true }),
      block('count', [argument('count', 'integer', { token: 'COUNT' }), token('any', { optional: true })], {
        optional: true,
      }),
      oneOf('order', [token('asc'), token('desc')], { optional: true }),
    ],
  },
  geosearch: {
    arguments: [
      KEY,
      oneOf('from', [
        argument('member', 'string', { token: 'FROMMEMBER' }),
        block('longitude_latitude', [argument('longitude', 'double'), argument('latitude', 'double')], {
          token: 'FROMLONLAT',
        }),
      ]),
      oneOf('by', [
        block('circle', [
          argument('radius', 'double', { token: 'BYRADIUS' }),
          oneOf('unit', [token('m'), token('km'), token('ft'), token('mi')]),
        ]),
        block('box', [
          argument('width', 'double', { token: 'BYBOX' }),
          argument('height', 'double'),
          oneOf('unit', [token('m'), token('km'), token('ft'), token('mi')]),
        ]),
      ]),
      oneOf('order', [token('asc'), token('desc')], { optional: true }),
      block('count', [argument('count', 'integer', { token: 'COUNT' }), token('any', { optional: true })], {
        optional: true,
      }),
      token('withcoord', { optional: true }),
      token('withdist', { optional: true }),
      token('withhash', { optional: true }),
    ],
    history: [['7.0.0', 'Added support for uppercase unit names.']],
  },
  geosearchstore: {
    arguments: [
      argument('destination', 'key', { keySpec: 0 }),
      argument('source', 'key', { keySpec: 1 }),
      oneOf('from', [
        argument('member', 'string', { token: 'FROMMEMBER' }),
        block('longitude_latitude', [argument('longitude', 'double'), argument('latitude', 'double')], {
          token: 'FROMLONLAT',
        }),
      ]),
      oneOf('by', [
        block('circle', [
          argument('radius', 'double', { token: 'BYRADIUS' }),
          oneOf('unit', [token('m'), token('km'), token('ft'), token('mi')]),
        ]),
        block('box', [
          argument('width', 'double', { token: 'BYBOX' }),
          argument('height', 'double'),
          oneOf('unit', [token('m'), token('km'), token('ft'), token('mi')]),
        ]),
      ]),
      oneOf('order', [token('asc'), token('desc')], { optional: true }),
      block('count', [argument('count', 'integer', { token: 'COUNT' }), token('any', { optional: true })], {
        optional: true,
      }),
      token('storedist', { optional: true }),
    ],
    history: [['7.0.0', 'Added support for uppercase unit names.']],
  },
} as const satisfies Readonly<Record<string, CommandDocs>>;
