import { sliceBytes } from '../base/bytes.ts';
import { NOT_A_FLOAT, NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseDouble, parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow, KeySpec } from '../command-table/row.ts';
import { READ } from '../keyspace/database.ts';
import { Arguments } from '../resp/arguments.ts';
import {
  decodePlace,
  distance,
  distanceWithin,
  encodePlace,
  geohashText,
  isValidPlace,
  type Shape,
  searchRanges,
} from '../types/geo/geohash.ts';
import { ENCODING_LISTPACK } from '../types/sorted-set/encoding.ts';
import { namedElements } from './elements.ts';
import { GEO_DOCS } from './geo-docs.ts';
import { keyAt } from './key-specs.ts';
import { buildSet, builtSet, insertMember, openSortedSet, sortedSet, storeBuilt } from './sorted-set-keys.ts';
import { add } from './sorted-sets.ts';

const NO_SUCH_UNIT = 'ERR unsupported unit provided. please use M, KM, FT, MI';
const NO_SUCH_MEMBER = 'ERR could not decode requested zset member';
const METERS: Readonly<Record<string, number>> = { m: 1, km: 1000, ft: 0.3048, mi: 1609.34 };

/** A member that a search found. */
interface Point {
  readonly member: Uint8Array;
  readonly score: number;
  readonly longitude: number;
  readonly latitude: number;
  /** Meters from where was searched. */
  readonly meters: number;
}

/** The number in argument `at`; NaN after replying an error. */
function numberAt(call: Call, at: number, error: string): number {
  const { words } = call;
  const value = parseDouble(words.buffer, words.offsets[at], words.lengths[at]);
  if (Number.isNaN(value)) call.reply.error(error);
  return value;
}

/** The place in arguments `at` and the next; null after replying an error. */
function placeAt(call: Call, at: number): { longitude: number; latitude: number } | null {
  const longitude = numberAt(call, at, NOT_A_FLOAT);
  if (Number.isNaN(longitude)) return null;
  const latitude = numberAt(call, at + 1, NOT_A_FLOAT);
  if (Number.isNaN(latitude)) return null;
  if (isValidPlace(longitude, latitude)) return { longitude, latitude };
  call.reply.error(`ERR invalid longitude,latitude pair ${printed(longitude)},${printed(latitude)}`);
  return null;
}

/** As printf's `%f`. */
function printed(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.000000';
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

/** Meters of the unit in argument `at`; 0 after replying an error. */
function unitAt(call: Call, at: number): number {
  const meters = METERS[call.words.text(at).toLowerCase()];
  if (meters === undefined) call.reply.error(NO_SUCH_UNIT);
  return meters ?? 0;
}

/** The place of a member of the open sorted set. */
function placeOf(call: Call, at: number): { longitude: number; latitude: number } | null {
  const { words } = call;
  if (!sortedSet.find(words.buffer, words.offsets[at], words.lengths[at])) return null;
  return decodePlace(sortedSet.score);
}

/** A coordinate as Redis prints it: up to 17 places, without zeros at the end. */
function replyCoordinate(call: Call, degrees: number): void {
  const text = degrees.toFixed(17).replace(/\.?0+$/, '');
  if (call.reply.protocol === 3) call.reply.raw(Buffer.from(`,${text}\r\n`));
  else call.reply.bulkText(text);
}

function replyPlace(call: Call, place: { longitude: number; latitude: number }): void {
  call.reply.array(2);
  replyCoordinate(call, place.longitude);
  replyCoordinate(call, place.latitude);
}

/** GEOADD is ZADD with places for scores, and is propagated as that. */
function geoadd(call: Call): void {
  const { words, reply } = call;
  let first = 2;
  for (; first < words.count; first++) {
    if (!words.is(first, 'nx') && !words.is(first, 'xx') && !words.is(first, 'ch')) break;
  }
  if ((words.count - first) % 3 !== 0) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const hasBoth = ['nx', 'xx'].every((name) => {
    for (let at = 2; at < first; at++) if (words.is(at, name)) return true;
    return false;
  });
  if (hasBoth) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const parts: Uint8Array[] = [Buffer.from('ZADD')];
  for (let at = 1; at < first; at++) parts.push(words.copy(at));
  for (let at = first; at < words.count; at += 3) {
    const place = placeAt(call, at);
    if (place === null) return;
    parts.push(Buffer.from(String(encodePlace(place.longitude, place.latitude))), words.copy(at + 2));
  }
  call.words = Arguments.of(parts);
  add(call, 0);
  call.words = words;
  call.propagateAs(...parts);
}

function geodist(call: Call): void {
  const { words, reply } = call;
  let meters = 1;
  if (words.count === 5) {
    meters = unitAt(call, 4);
    if (meters === 0) return;
  } else if (words.count > 5) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const found = openSortedSet(call, 1, READ, false);
  if (found === null) return;
  const from = found === 'found' ? placeOf(call, 2) : null;
  const to = from === null ? null : placeOf(call, 3);
  if (from === null || to === null) reply.null();
  else
    reply.bulkText((distance(from.longitude, from.latitude, to.longitude, to.latitude) / meters).toFixed(4));
}

function geohash(call: Call): void {
  const { words, reply } = call;
  const found = openSortedSet(call, 1, READ, false);
  if (found === null) return;
  reply.array(words.count - 2);
  for (let at = 2; at < words.count; at++) {
    if (found === 'found' && placeOf(call, at) !== null) reply.bulkText(geohashText(sortedSet.score));
    else reply.null();
  }
}

function geopos(call: Call): void {
  const { words, reply } = call;
  const found = openSortedSet(call, 1, READ, false);
  if (found === null) return;
  reply.array(words.count - 2);
  for (let at = 2; at < words.count; at++) {
    const place = found === 'found' ? placeOf(call, at) : null;
    if (place === null) reply.nullArray();
    else replyPlace(call, place);
  }
}

/** What a search was asked for. */
interface Search {
  shape: Shape | null;
  /** Meters of the unit that distances are replied in. */
  unit: number;
  withDistance: boolean;
  withHash: boolean;
  withCoordinates: boolean;
  /** 0 for all. */
  count: number;
  any: boolean;
  order: 'none' | 'ascending' | 'descending';
  /** Argument that is the key to store in, or 0. */
  storeAt: number;
  storesDistance: boolean;
}

/** How one of the commands searches. */
interface Kind {
  readonly source: number;
  /** First argument after what is fixed. */
  readonly options: number;
  readonly from: 'place' | 'member' | 'option';
  readonly stores: 'no' | 'option' | 'always';
}

/** Reads what is asked for; null after replying an error. The source is open if it `isThere`. */
function readSearch(call: Call, kind: Kind, isThere: boolean): Search | null {
  const { words, reply } = call;
  const search: Search = {
    shape: null,
    unit: 1,
    withDistance: false,
    withHash: false,
    withCoordinates: false,
    count: 0,
    any: false,
    order: 'none',
    storeAt: kind.stores === 'always' ? 1 : 0,
    storesDistance: false,
  };
  let place: { longitude: number; latitude: number } | null = null;
  let radius = -1;
  let box: { width: number; height: number } | null = null;
  const fail = (error: string): null => {
    reply.error(error);
    return null;
  };
  /** The length in argument `at`, in the unit in argument `unitWord`, in meters; -1 after an error. */
  const readLengths = (
    at: number,
    names: readonly string[],
    unitWord: number,
    negative: string,
  ): number[] | null => {
    const lengths: number[] = [];
    for (const [offset, name] of names.entries()) {
      const length = numberAt(call, at + offset, `ERR need numeric ${name}`);
      if (Number.isNaN(length)) return null;
      lengths.push(length);
    }
    if (lengths.some((length) => length < 0)) return fail(negative);
    search.unit = unitAt(call, unitWord);
    return search.unit === 0 ? null : lengths.map((length) => length * search.unit);
  };
  const RADIUS_NEGATIVE = 'ERR radius cannot be negative';
  if (kind.from === 'place') {
    place = placeAt(call, 2);
    if (place === null) return null;
    const lengths = readLengths(4, ['radius'], 5, RADIUS_NEGATIVE);
    if (lengths === null) return null;
    [radius] = lengths;
  } else if (kind.from === 'member' && isThere) {
    place = placeOf(call, 2);
    if (place === null) return fail(NO_SUCH_MEMBER);
    const lengths = readLengths(3, ['radius'], 4, RADIUS_NEGATIVE);
    if (lengths === null) return null;
    [radius] = lengths;
  }
  let hasFrom = kind.from !== 'option';
  let hasBy = kind.from !== 'option';
  const isSearch = kind.from === 'option';
  for (let at = kind.options; at < words.count; at++) {
    const left = words.count - at - 1;
    if (words.is(at, 'withdist')) search.withDistance = true;
    else if (words.is(at, 'withhash')) search.withHash = true;
    else if (words.is(at, 'withcoord')) search.withCoordinates = true;
    else if (words.is(at, 'any')) search.any = true;
    else if (words.is(at, 'asc')) search.order = 'ascending';
    else if (words.is(at, 'desc')) search.order = 'descending';
    else if (words.is(at, 'count') && left >= 1) {
      at++;
      search.count = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
      if (Number.isNaN(search.count)) return fail(NOT_AN_INTEGER);
      if (search.count <= 0) return fail('ERR COUNT must be > 0');
    } else if (kind.stores === 'option' && words.is(at, 'store') && left >= 1) {
      search.storeAt = ++at;
      search.storesDistance = false;
    } else if (kind.stores === 'option' && words.is(at, 'storedist') && left >= 1) {
      search.storeAt = ++at;
      search.storesDistance = true;
    } else if (isSearch && words.is(at, 'frommember') && left >= 1 && !hasFrom) {
      at++;
      hasFrom = true;
      if (!isThere) continue;
      place = placeOf(call, at);
      if (place === null) return fail(NO_SUCH_MEMBER);
    } else if (isSearch && words.is(at, 'fromlonlat') && left >= 2 && !hasFrom) {
      place = placeAt(call, at + 1);
      if (place === null) return null;
      hasFrom = true;
      at += 2;
    } else if (isSearch && words.is(at, 'byradius') && left >= 2 && !hasBy) {
      const lengths = readLengths(at + 1, ['radius'], at + 2, RADIUS_NEGATIVE);
      if (lengths === null) return null;
      [radius] = lengths;
      hasBy = true;
      at += 2;
    } else if (isSearch && words.is(at, 'bybox') && left >= 3 && !hasBy) {
      const lengths = readLengths(
        at + 1,
        ['width', 'height'],
        at + 3,
        'ERR height or width cannot be negative',
      );
      if (lengths === null) return null;
      box = { width: lengths[0], height: lengths[1] };
      hasBy = true;
      at += 3;
    } else if (kind.stores === 'always' && words.is(at, 'storedist')) search.storesDistance = true;
    else return fail(SYNTAX_ERROR);
  }
  const name = call.command.fullName;
  if (search.storeAt > 0 && (search.withDistance || search.withHash || search.withCoordinates)) {
    const what = isSearch ? 'GEOSEARCHSTORE' : 'STORE option in GEORADIUS';
    return fail(`ERR ${what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);
  }
  if (!hasFrom) return fail(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${name}`);
  if (!hasBy) return fail(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${name}`);
  if (search.any && search.count === 0) return fail('ERR the ANY argument requires COUNT argument');
  if (search.count > 0 && search.order === 'none' && !search.any) search.order = 'ascending';
  if (place !== null) search.shape = box === null ? { ...place, radius } : { ...place, ...box };
  return search;
}

/** Members of the open sorted set within a shape; no more than `limit`. */
function findPoints(shape: Shape, limit: number): Point[] {
  const points: Point[] = [];
  for (const { from, to } of searchRanges(shape)) {
    if (points.length >= limit) break;
    let more = sortedSet.seekRank(sortedSet.rankOfScore(from, false));
    for (; more && sortedSet.score < to && points.length < limit; more = sortedSet.next()) {
      const { score } = sortedSet;
      const { longitude, latitude } = decodePlace(score);
      const meters = distanceWithin(shape, longitude, latitude);
      if (meters < 0) continue;
      const member = sliceBytes(sortedSet.bytes, sortedSet.memberOffset, sortedSet.memberLength);
      points.push({ member, score, longitude, latitude, meters });
    }
  }
  return points;
}

function search(call: Call, kind: Kind): void {
  const { words } = call;
  const found = openSortedSet(call, kind.source, READ, false);
  if (found === null) return;
  const asked = readSearch(call, kind, found === 'found');
  if (asked === null) return;
  const { shape, count, order, storeAt } = asked;
  let points =
    found === 'missing' || shape === null
      ? []
      : findPoints(shape, asked.any ? count : Number.POSITIVE_INFINITY);
  if (order === 'ascending') points.sort((left, right) => left.meters - right.meters);
  else if (order === 'descending') points.sort((left, right) => right.meters - left.meters);
  if (count > 0 && points.length > count) points = points.slice(0, count);
  if (storeAt === 0) {
    replyPoints(call, asked, points);
    return;
  }
  buildSet(call, ENCODING_LISTPACK, () => {
    for (const { member, meters, score } of points) {
      builtSet.find(member, 0, member.length);
      const stored = asked.storesDistance ? meters / asked.unit : score;
      insertMember(call, builtSet, member, 0, member.length, stored);
    }
  });
  call.words = Arguments.of([words.copy(0), words.copy(storeAt)]);
  storeBuilt(call, kind.from === 'option' ? 'geosearchstore' : 'georadiusstore');
  call.words = words;
}

function replyPoints(call: Call, asked: Search, points: readonly Point[]): void {
  const { reply } = call;
  const extras = Number(asked.withDistance) + Number(asked.withHash) + Number(asked.withCoordinates);
  reply.array(points.length);
  for (const point of points) {
    if (extras > 0) reply.array(extras + 1);
    reply.bulk(point.member, 0, point.member.length);
    if (asked.withDistance) reply.bulkText((point.meters / asked.unit).toFixed(4));
    if (asked.withHash) reply.integer(point.score);
    if (asked.withCoordinates) replyPlace(call, point);
  }
}

/** Where STORE or STOREDIST, which may come several times, names the key last. */
function storeKey(words: Arguments, from: number): number {
  let found = -1;
  for (let at = from; at + 1 < words.count; at++) {
    if (words.is(at, 'store') || words.is(at, 'storedist')) found = ++at;
  }
  return found;
}

function storeSpec(keyword: string, from: number): KeySpec {
  const isLast = (words: Arguments): number => {
    const at = storeKey(words, from);
    return at >= 0 && words.is(at - 1, keyword.toLowerCase()) ? at : -1;
  };
  return {
    flags: ['OW', 'update'],
    begin: { keyword, from },
    find: { last: 0, step: 1, limit: 0 },
    locate: isLast,
  };
}

const RADIUS: Kind = { source: 1, options: 6, from: 'place', stores: 'option' };
const RADIUS_BY_MEMBER: Kind = { source: 1, options: 5, from: 'member', stores: 'option' };
const SEARCH: Kind = { source: 1, options: 2, from: 'option', stores: 'no' };
const SEARCH_STORE: Kind = { source: 2, options: 3, from: 'option', stores: 'always' };

/** What the rows of this family share, and the documentation of one. */
function row(
  name: keyof typeof GEO_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need'> & CommandDocs {
  return { name, group: 'geo', categories: ['geo'], need: 'value', ...GEO_DOCS[name] };
}

export const GEO_COMMANDS: readonly CommandRow[] = [
  {
    ...row('geoadd'),
    summary: 'Add one or more geospatial items in the geospatial index represented using a sorted set',
    since: '3.2.0',
    complexity: 'O(log(N)) for each item added, where N is the number of elements in the sorted set.',
    arity: -5,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'update')],
    execute: geoadd,
  },
  {
    ...row('geodist'),
    summary: 'Returns the distance between two members of a geospatial index',
    since: '3.2.0',
    complexity: 'O(log(N))',
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: namedElements(2, 1, 3),
    execute: geodist,
  },
  {
    ...row('geohash'),
    summary: 'Returns members of a geospatial index as standard geohash strings',
    since: '3.2.0',
    complexity: 'O(log(N)) for each member requested, where N is the number of elements in the sorted set.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: namedElements(2),
    execute: geohash,
  },
  {
    ...row('geopos'),
    summary: 'Returns longitude and latitude of members of a geospatial index',
    since: '3.2.0',
    complexity: 'O(N) where N is the number of members requested.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: namedElements(2),
    execute: geopos,
  },
  {
    ...row('georadius'),
    summary:
      'Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a point',
    since: '3.2.0',
    complexity:
      'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
    arity: -6,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RO', 'access'), storeSpec('STORE', 6), storeSpec('STOREDIST', 6)],
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument',
    execute: (call) => search(call, RADIUS),
  },
  {
    ...row('georadius_ro'),
    summary: 'A read-only variant for GEORADIUS',
    since: '3.2.10',
    complexity:
      'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
    arity: -6,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` with the `BYRADIUS` argument',
    execute: (call) => search(call, { ...RADIUS, stores: 'no' }),
  },
  {
    ...row('georadiusbymember'),
    summary:
      'Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a member',
    since: '3.2.0',
    complexity:
      'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
    arity: -5,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RO', 'access'), storeSpec('STORE', 5), storeSpec('STOREDIST', 5)],
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments',
    execute: (call) => search(call, RADIUS_BY_MEMBER),
  },
  {
    ...row('georadiusbymember_ro'),
    summary: 'A read-only variant for GEORADIUSBYMEMBER',
    since: '3.2.10',
    complexity:
      'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
    arity: -5,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments',
    execute: (call) => search(call, { ...RADIUS_BY_MEMBER, stores: 'no' }),
  },
  {
    ...row('geosearch'),
    summary:
      'Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle.',
    since: '6.2.0',
    complexity:
      'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape',
    arity: -7,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => search(call, SEARCH),
  },
  {
    ...row('geosearchstore'),
    summary:
      'Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle, and store the result in another key.',
    since: '6.2.0',
    complexity:
      'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape',
    arity: -8,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'OW', 'update'), keyAt(2, 'RO', 'access')],
    execute: (call) => search(call, SEARCH_STORE),
  },
];
