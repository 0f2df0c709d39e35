import type { CommandDocs } from '../command-table/row.ts';
import { argument, block, KEY, OPTIONAL, oneOf, token } from './common-docs.ts';

const MEMBER = argument('member', 'string');
const MEMBERS = argument('member', 'string', { multiple: true });
const RADIUS = argument('radius', 'double');
const UNITS = [token('m'), token('km'), token('ft'), token('mi')];
const UNIT = oneOf('unit', UNITS);
const COUNT = argument('count', 'integer', { token: 'COUNT' });
const COUNT_ANY = block('count', [COUNT, token('any', OPTIONAL)], OPTIONAL);
const COUNT_ANY_SINCE = block('count', [COUNT, token('any', { optional: true, since: '6.2.0' })], OPTIONAL);
const ORDER = oneOf('order', [token('asc'), token('desc')], OPTIONAL);
const EXTRAS = [token('withcoord', OPTIONAL), token('withdist', OPTIONAL), token('withhash', OPTIONAL)];
const PLACE = [argument('longitude', 'double'), argument('latitude', 'double')];
const STORE = [
  argument('key', 'key', { keySpec: 1, optional: true, token: 'STORE' }),
  argument('key', 'key', { keySpec: 2, optional: true, token: 'STOREDIST' }),
];
const FROM = oneOf('from', [
  argument('member', 'string', { token: 'FROMMEMBER' }),
  block('longitude_latitude', PLACE, { token: 'FROMLONLAT' }),
]);
const BY = oneOf('by', [
  block('circle', [argument('radius', 'double', { token: 'BYRADIUS' }), UNIT]),
  block('box', [argument('width', 'double', { token: 'BYBOX' }), argument('height', 'double'), UNIT]),
]);
const ANY_ADDED = ['6.2.0', 'Added the `ANY` option for `COUNT`.'] as const;
const UPPERCASE_UNITS = ['7.0.0', 'Added support for uppercase unit names.'] as const;

/** Documentation of the geo commands, by name. */
export const GEO_DOCS = {
  geoadd: {
    arguments: [
      KEY,
      oneOf('condition', [token('nx'), token('xx')], { optional: true, since: '6.2.0' }),
      token('change', { optional: true, since: '6.2.0', token: 'CH' }),
      block('longitude_latitude_member', [...PLACE, MEMBER], { multiple: true }),
    ],
    history: [['6.2.0', 'Added the `CH`, `NX` and `XX` options.']],
  },
  geodist: {
    arguments: [
      KEY,
      argument('member1', 'string'),
      argument('member2', 'string'),
      oneOf('unit', UNITS, OPTIONAL),
    ],
  },
  geohash: { arguments: [KEY, MEMBERS] },
  geopos: { arguments: [KEY, MEMBERS] },
  georadius: {
    arguments: [KEY, ...PLACE, RADIUS, UNIT, ...EXTRAS, COUNT_ANY_SINCE, ORDER, ...STORE],
    history: [ANY_ADDED, UPPERCASE_UNITS],
  },
  georadius_ro: {
    arguments: [KEY, ...PLACE, RADIUS, UNIT, ...EXTRAS, COUNT_ANY_SINCE, ORDER],
    history: [ANY_ADDED],
  },
  georadiusbymember: {
    arguments: [KEY, MEMBER, RADIUS, UNIT, ...EXTRAS, COUNT_ANY, ORDER, ...STORE],
    history: [UPPERCASE_UNITS],
  },
  georadiusbymember_ro: { arguments: [KEY, MEMBER, RADIUS, UNIT, ...EXTRAS, COUNT_ANY, ORDER] },
  geosearch: { arguments: [KEY, FROM, BY, ORDER, COUNT_ANY, ...EXTRAS], history: [UPPERCASE_UNITS] },
  geosearchstore: {
    arguments: [
      argument('destination', 'key', { keySpec: 0 }),
      argument('source', 'key', { keySpec: 1 }),
      FROM,
      BY,
      ORDER,
      COUNT_ANY,
      token('storedist', OPTIONAL),
    ],
    history: [UPPERCASE_UNITS],
  },
} as const satisfies Readonly<Record<string, CommandDocs>>;
