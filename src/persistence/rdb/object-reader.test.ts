import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ziplist, zipmap } from '../../../test/support/rdb-old-encodings.ts';
import { RecordingSink, streamId, type Value, writeValue } from '../../../test/support/rdb-values.ts';
import { ObjectReader } from './object-reader.ts';
import { IGNORING_SINK } from './object-sink.ts';
import { ObjectWriter } from './object-writer.ts';
import { RdbError } from './rdb-error.ts';
import { RdbReader } from './reader.ts';
import { RdbType } from './types.ts';
import { RdbWriter } from './writer.ts';

/** Reads the value behind a type's byte; null for an empty collection. */
function decode(bytes: Uint8Array): Value | null {
  const reader = new RdbReader();
  reader.openBytes(bytes, 0, bytes.length);
  const sink = new RecordingSink();
  const hasElements = new ObjectReader(reader).read(reader.readByte(), sink);
  expect({ left: reader.bytesLeft, hasEnded: sink.hasEnded }).toEqual({ left: 0, hasEnded: hasElements });
  return hasElements ? sink.value : null;
}

function fromHex(hex: string): Value | null {
  return decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function encode(type: number, value: Value): Buffer {
  const writer = new RdbWriter();
  writer.writeByte(type);
  writeValue(new ObjectWriter(writer), type, value);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

/** A type and a string that is the whole value. */
function wrapped(type: number, structure: Buffer): Buffer {
  const writer = new RdbWriter();
  writer.writeByte(type);
  writer.writeString(structure, 0, structure.length);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

const STREAM: Value = {
  kind: 'stream',
  stream: {
    entries: [
      [
        streamId(1, 1),
        [
          ['a', '1'],
          ['b', '2'],
        ],
      ],
      [streamId(2, 0), [['c', 'x']]],
      [streamId(3, 0), [['a', 'y']]],
    ],
    lastId: streamId(3, 0),
    maxDeletedId: streamId(1, 2),
    entriesAdded: 4n,
    groups: [
      {
        name: 'g',
        lastId: streamId(1, 1),
        entriesRead: -1n,
        pending: [[streamId(1, 1), 1795603701846, 1n]],
        consumers: [
          { name: 'c', seenTimeMs: 1795603701846, activeTimeMs: 1795603701846, pending: [streamId(1, 1)] },
        ],
      },
    ],
  },
};

/** Made by redis-server 7.0.15. */
const GOLDEN: [name: string, hex: string, value: Value][] = [
  ['a string', '000568656c6c6f', { kind: 'string', value: 'hello' }],
  ['an integer', '00c17fff', { kind: 'string', value: '-129' }],
  ['a compressed string', '00c3093c016161e02f00016161', { kind: 'string', value: 'a'.repeat(60) }],
  [
    'a quicklist',
    '120102323200000008008161020101dfff02f1881303f270110104f34054890005f4005ed0b20000000009f4ffffffffffffff7f09ff',
    {
      kind: 'list',
      elements: ['a', '1', '-1', '5000', '70000', '9000000', '3000000000', '9223372036854775807'],
    },
  ],
  [
    'an intset',
    '0b18040000000400000001000000020000000300000070110100',
    { kind: 'set', members: ['1', '2', '3', '70000'] },
  ],
  ['a set', '02020162 0161', { kind: 'set', members: ['b', 'a'] }],
  [
    'a sorted set in a listpack',
    '112525000000060085746872656506842d696e6605836f6e650401018374776f0483322e3504ff',
    {
      kind: 'sortedSet',
      members: [
        ['three', Number.NEGATIVE_INFINITY],
        ['one', 1],
        ['two', 2.5],
      ],
    },
  ],
  ['a sorted set', '0501016d000000000000f83f', { kind: 'sortedSet', members: [['m', 1.5]] }],
  [
    'a hash in a listpack',
    '1012120000000400816602817602816e020c01ff',
    {
      kind: 'hash',
      fields: [
        ['f', 'v', 0],
        ['n', '12', 0],
      ],
    },
  ],
  ['a hash', '040101660176', { kind: 'hash', fields: [['f', 'v', 0]] }],
  [
    'a stream with a deleted entry, a group and a consumer',
    '13021000000000000000010000000000000001c3393e123e000000190002010101020181610281620200200900002001401102050103600902030104200b401301dfff202b088163028178020601ff10000000000000000300000000000000001d1d0000000a0001010001010181610200010201000100018179020401ff0303000101010204010167010181ffffffffffffffff010000000000000001000000000000000156205212a20100000101016356205212a20100000100000000000000010000000000000001',
    STREAM,
  ],
];

describe('values as Redis writes them', () => {
  test.each(GOLDEN)('%s', (_, hex, value) => {
    expect(fromHex(hex)).toEqual(value);
  });

  test('and as they are written here', () => {
    const types = [
      RdbType.STRING,
      RdbType.STRING,
      RdbType.STRING,
      RdbType.LIST_QUICKLIST_2,
      RdbType.SET_INTSET,
      RdbType.SET,
      RdbType.ZSET_LISTPACK,
      RdbType.ZSET_2,
      RdbType.HASH_LISTPACK,
      RdbType.HASH,
    ];
    for (const [index, type] of types.entries()) {
      const [name, hex, value] = GOLDEN[index];
      // LZF leaves the choice of copies to who compresses.
      if (name === 'a compressed string') continue;
      expect(encode(type, value).toString('hex')).toBe(hex.replaceAll(' ', ''));
    }
  });
});

describe('old encodings', () => {
  const TEXTS = [
    '0',
    '12',
    '13',
    '-1',
    '127',
    '-128',
    '300',
    '-32768',
    '70000',
    '-8388608',
    '2000000000',
    '9000000000000',
    '',
    'a',
    'x'.repeat(63),
    'y'.repeat(64),
    'z'.repeat(300),
    'w'.repeat(20_000),
    'after',
  ];

  test('LIST', () => {
    expect(fromHex('0103 0161 c001 00')).toEqual({ kind: 'list', elements: ['a', '1', ''] });
  });

  test('LIST_ZIPLIST', () => {
    expect(decode(wrapped(RdbType.LIST_ZIPLIST, ziplist(TEXTS)))).toEqual({ kind: 'list', elements: TEXTS });
  });

  test('LIST_QUICKLIST, where empty nodes are passed over', () => {
    const writer = new RdbWriter();
    writer.writeByte(RdbType.LIST_QUICKLIST);
    writer.writeLength(3);
    for (const texts of [['a'], [], TEXTS]) {
      const node = ziplist(texts);
      writer.writeString(node, 0, node.length);
    }
    expect(decode(writer.bytes.subarray(0, writer.length))).toEqual({
      kind: 'list',
      elements: ['a', ...TEXTS],
    });
  });

  test('LIST_QUICKLIST_2 with a plain node', () => {
    expect(fromHex('12 02 01 0568656c6c6f 02 0909000000 0100 0101 ff')).toEqual({
      kind: 'list',
      elements: ['hello', '1'],
    });
  });

  test('ZSET with scores as text', () => {
    expect(fromHex('03 03 0161 03312e35 0162 fe 0163 ff')).toEqual({
      kind: 'sortedSet',
      members: [
        ['a', 1.5],
        ['b', Number.POSITIVE_INFINITY],
        ['c', Number.NEGATIVE_INFINITY],
      ],
    });
  });

  test('ZSET_ZIPLIST', () => {
    const structure = ziplist(['m', '1', '7', '2.25', 'top', 'inf']);
    expect(decode(wrapped(RdbType.ZSET_ZIPLIST, structure))).toEqual({
      kind: 'sortedSet',
      members: [
        ['m', 1],
        ['7', 2.25],
        ['top', Number.POSITIVE_INFINITY],
      ],
    });
  });

  test('HASH_ZIPLIST', () => {
    expect(decode(wrapped(RdbType.HASH_ZIPLIST, ziplist(['f', '1', '2', 'v'])))).toEqual({
      kind: 'hash',
      fields: [
        ['f', '1', 0],
        ['2', 'v', 0],
      ],
    });
  });

  test.each([0, 3])('HASH_ZIPMAP with %d unused bytes', (unused) => {
    const pairs: [string, string][] = [
      ['f', 'v'],
      ['', 'x'.repeat(253)],
      ['y'.repeat(254), 'z'.repeat(1000)],
    ];
    expect(decode(wrapped(RdbType.HASH_ZIPMAP, zipmap(pairs, unused)))).toEqual({
      kind: 'hash',
      fields: pairs.map(([field, value]) => [field, value, 0]),
    });
  });

  test('STREAM_LISTPACKS, whose groups have read what Redis estimates', () => {
    const entries = STREAM.kind === 'stream' ? STREAM.stream.entries : [];
    const writer = new RdbWriter();
    const objects = new ObjectWriter(writer);
    writer.writeByte(RdbType.STREAM_LISTPACKS);
    objects.begin(RdbType.STREAM_LISTPACKS_2, 1);
    objects.node(entries.length);
    for (const [id, fields] of entries) {
      objects.streamEntry(Buffer.from(id, 'hex'), fields.length);
      for (const [name, text] of fields)
        objects.streamField(Buffer.from(name), 0, 1, Buffer.from(text), 0, 1);
    }
    objects.end();
    writer.writeLength(entries.length);
    writer.writeStreamId(Buffer.from(streamId(3, 0), 'hex'));
    const ids = [streamId(0, 0), streamId(1, 1), streamId(2, 0), streamId(3, 0), streamId(9, 9)];
    writer.writeLength(ids.length);
    for (const id of ids) {
      writer.writeString(Buffer.from('g'), 0, 1);
      writer.writeStreamId(Buffer.from(id, 'hex'));
      writer.writeLength(0);
      writer.writeLength(0);
    }
    const value = decode(writer.bytes.subarray(0, writer.length));
    expect(value).toMatchObject({ stream: { entries, maxDeletedId: streamId(0, 0), entriesAdded: 3n } });
    const groups = value?.kind === 'stream' ? value.stream.groups : [];
    expect(groups.map((group) => group.entriesRead)).toEqual([0n, 1n, -1n, 3n, -1n]);
  });
});

describe('encodings after 7.0', () => {
  const EXPIRING: Value = {
    kind: 'hash',
    fields: [
      ['soon', '1', 1_700_000_000_000],
      ['never', 'v', 0],
      ['late', 'w', 1_700_000_000_007],
    ],
  };

  test('HASH_METADATA: expiries from the soonest on', () => {
    const hex = '18 0068e5cf8b010000 03 01 04736f6f6e c001 00 056e65766572 0176 08 046c617465 0177';
    expect(fromHex(hex)).toEqual(EXPIRING);
    expect(encode(RdbType.HASH_METADATA, EXPIRING).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  test('HASH_METADATA_PRE_GA: expiries as they are', () => {
    expect(fromHex('16 02 810000018bcfe56800 0166 0176 00 0167 0177')).toEqual({
      kind: 'hash',
      fields: [
        ['f', 'v', 1_700_000_000_000],
        ['g', 'w', 0],
      ],
    });
  });

  test.each([
    ['HASH_LISTPACK_EX', '19 0068e5cf8b010000'],
    ['HASH_LISTPACK_EX_PRE_GA', '17'],
  ])('%s: field, value and expiry in turn', (_, head) => {
    const listpack = '1f000000 0600 816602 817602 f40068e5cf8b01000009 816702 817702 0001 ff';
    expect(fromHex(`${head} 1f ${listpack}`)).toEqual({
      kind: 'hash',
      fields: [
        ['f', 'v', 1_700_000_000_000],
        ['g', 'w', 0],
      ],
    });
  });

  test('SET_LISTPACK', () => {
    const value: Value = { kind: 'set', members: ['a', '1', 'xyz'] };
    expect(encode(RdbType.SET_LISTPACK, value).toString('hex')).toBe(
      '141111000000030081610201018378797a04ff',
    );
    expect(decode(encode(RdbType.SET_LISTPACK, value))).toEqual(value);
  });

  test('STREAM_LISTPACKS_3: consumers have an active time', () => {
    const value = structuredClone(STREAM);
    if (value.kind === 'stream') value.stream.groups[0].consumers[0].activeTimeMs = -1;
    expect(decode(encode(RdbType.STREAM_LISTPACKS_3, value))).toEqual(value);
  });
});

describe('what Redis never writes', () => {
  test.each([
    ['LIST', '0100'],
    ['SET', '0200'],
    ['ZSET_2', '0500'],
    ['HASH', '0400'],
    ['HASH_METADATA', '18000000000000000000'],
    ['LIST_QUICKLIST_2', '1200'],
    ['LIST_QUICKLIST_2 of empty nodes', '1201020707000000 0000ff'],
    ['HASH_LISTPACK', '100707000000 0000ff'],
    ['HASH_ZIPMAP', '090200ff'],
  ])('an empty %s is told apart', (_, hex) => {
    expect(fromHex(hex)).toBeNull();
  });

  test.each([
    ['a module of a release candidate', '0600', /module data/],
    ['a module', '0781abcdef0123456789', /module data/],
    ['an unknown type', '08', /Unknown RDB encoding type 8/],
    ['a type of Redis 8.6', '1a00', /Unknown RDB encoding type 26/],
    ['more elements than bytes', '01800fffffff', /More elements/],
    ['a longer string than bytes', '0080ffffffff', /longer than the bytes left/],
    ['a score that is NaN', '0501016d000000000000f87f', /NAN/],
    ['a score that is a word', '11100f000000 0200 816d02 81780200ff', /integrity|NAN|Unexpected/],
    ['a field without a value', '100a0a000000 0100 816602 ff', /within a pair/],
    ['an empty node', '12010200', /Empty node/],
    ['an unknown container', '12010301 61', /Quicklist integrity/],
    ['an intset of odd width', '0b0a03000000010000000100', /Intset/],
    ['an intset out of order', '0b0c020000000200000002000100', /Intset/],
    ['an empty intset', '0b080200000000000000', /Intset/],
    ['an expiry beyond any', '1601 810001000000000000 0166 0176', /expireAt/],
    ['an expiry that is a word', '17 10 10000000 0300 816602 817602 817802 ff', /no integer/],
    ['a stream node with a short id', '13010161', /size of a stream ID|More/],
  ])('%s is refused', (_, hex, message) => {
    expect(() => fromHex(hex)).toThrow(message);
    expect(() => fromHex(hex)).toThrow(RdbError);
  });

  test('stream entries out of order, or above the last id', () => {
    const stream = STREAM.kind === 'stream' ? STREAM.stream : undefined;
    const entries = [...(stream?.entries ?? [])].reverse();
    const reversed = { kind: 'stream', stream: { ...stream, entries } } as Value;
    expect(() => decode(encode(RdbType.STREAM_LISTPACKS_2, reversed))).toThrow('out of order');
    const early = { kind: 'stream', stream: { ...stream, lastId: streamId(2, 9) } } as Value;
    expect(() => decode(encode(RdbType.STREAM_LISTPACKS_2, early))).toThrow('last ID');
  });
});

describe('hostile values', () => {
  const payloads = [
    ...GOLDEN.map(([, hex]) => Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    wrapped(RdbType.LIST_ZIPLIST, ziplist(['a', '1', 'b'.repeat(300), '70000'])),
    wrapped(
      RdbType.HASH_ZIPMAP,
      zipmap(
        [
          ['f', 'v'],
          ['g', 'w'.repeat(260)],
        ],
        2,
      ),
    ),
    Buffer.from('180068e5cf8b0100000301047 36f6f6ec00100056e657665720176'.replace(' ', ''), 'hex'),
  ];

  /** Reads; fails for any error but RdbError. */
  function survives(bytes: Uint8Array): void {
    const reader = new RdbReader();
    reader.openBytes(bytes, 0, bytes.length);
    let told = 0;
    const count = (_kind: string, elements: number) => {
      told = elements;
    };
    try {
      new ObjectReader(reader).read(reader.readByte(), { ...IGNORING_SINK, begin: count });
    } catch (error) {
      expect(error).toBeInstanceOf(RdbError);
    }
    // LZF makes at most 88 bytes of one.
    expect(told).toBeLessThanOrEqual(Math.max(65_535, bytes.length * 88));
  }

  test('random bytes of every type end in an RdbError at worst', () => {
    const type = fc.integer({ min: 0, max: 30 });
    fc.assert(
      fc.property(type, fc.uint8Array({ maxLength: 200 }), (first, rest) =>
        survives(Uint8Array.of(first, ...rest)),
      ),
      { numRuns: 2000 },
    );
  });

  test('so do damaged values', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...payloads), changes, fc.nat({ max: 400 }), (payload, damage, cut) => {
        const bytes = Buffer.from(payload.subarray(0, Math.max(1, payload.length - Math.max(0, cut - 300))));
        for (const [at, byte] of damage) bytes[at % bytes.length] = byte;
        survives(bytes);
      }),
      { numRuns: 5000 },
    );
  });

  test('a small payload does not make a large string', () => {
    const buffers = process.memoryUsage().arrayBuffers;
    for (const hex of [
      `00c30a80ffffffff${'00'.repeat(10)}`,
      '0280ffffffff',
      '13810000ffffffffffff',
      `0bc30980ffffffff${'61'.repeat(9)}`,
    ]) {
      survives(Buffer.from(hex, 'hex'));
    }
    expect(process.memoryUsage().arrayBuffers - buffers).toBeLessThan(1 << 24);
  });
});
