import { expect, test } from 'vitest';
import { CheckpointError } from './checkpoint-error.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint-file.ts';

const CHECKPOINT: Checkpoint = {
  state: {
    number: 3,
    createdMs: 1_700_000_000_000,
    tier: '0123456789abcdef0123456789abcdef',
    secret: [-1, 2],
    nextNumbers: [5, 7],
    tables: [{ id: 1, database: 0, holdsPages: false, count: 2, expiringCount: 1, fieldExpiringCount: 0 }],
    base: { name: 'index-00000001', bytes: 100 },
    logs: [{ name: 'places-00000001', count: 1, bytes: 32 }],
    store: {
      freshBytes: 96,
      environments: [
        {
          number: 0,
          folder: '00000000',
          blockLimit: 1024,
          usedBytes: 96,
          appendedBytes: 96,
          youngest: 0,
          live: [[1, 48]],
          isComplete: false,
        },
      ],
    },
    position: { name: 'appendonly.aof.1.incr.aof', sequence: 1, offset: 23 },
    functions: ['#!lua name=é'],
    freeing: [],
    snapshot: null,
  },
  expiry: Int32Array.of(1, 0, 128, 0, 0, 4, 9, 10, 11, 1),
};

/** The checkpoint as version 1 has it: it must be read for ever. */
const GOLDEN = Buffer.concat([
  Buffer.from('5443434845434b5001000000780200000a000000', 'hex'),
  Buffer.from(
    '{"number":3,"createdMs":1700000000000,"tier":"0123456789abcdef0123456789abcdef","secret":[-1,2],"nextNumbers":[5,7],' +
      '"tables":[{"id":1,"database":0,"holdsPages":false,"count":2,"expiringCount":1,"fieldExpiringCount":0}],' +
      '"base":{"name":"index-00000001","bytes":100},"logs":[{"name":"places-00000001","count":1,"bytes":32}],' +
      '"store":{"freshBytes":96,"environments":[{"number":0,"folder":"00000000","blockLimit":1024,"usedBytes":96,' +
      '"appendedBytes":96,"youngest":0,"live":[[1,48]],"isComplete":false}]},' +
      '"position":{"name":"appendonly.aof.1.incr.aof","sequence":1,"offset":23},"functions":["#!lua name=é"],' +
      '"freeing":[],"snapshot":null}   ',
  ),
  Buffer.from(
    '010000000000000080000000000000000000000004000000090000000a0000000b00000001000000d6448c9d',
    'hex',
  ),
]);

test('a checkpoint is read as it was written', () => {
  const bytes = Buffer.from(encodeCheckpoint(CHECKPOINT));
  expect(decodeCheckpoint(bytes)).toEqual(CHECKPOINT);
});

test('the format is that of version 1', () => {
  expect(Buffer.from(encodeCheckpoint(CHECKPOINT)).toString('latin1')).toBe(GOLDEN.toString('latin1'));
  expect(decodeCheckpoint(GOLDEN)).toEqual(CHECKPOINT);
});

test('whatever is wrong with one is an error', () => {
  const bytes = Buffer.from(encodeCheckpoint(CHECKPOINT));
  for (let bit = 0; bit < bytes.length * 8; bit += 5) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] ^= 1 << (bit & 7);
    expect(() => decodeCheckpoint(damaged)).toThrow(CheckpointError);
  }
  for (let length = 0; length < bytes.length; length += 7)
    expect(() => decodeCheckpoint(bytes.subarray(0, length))).toThrow(CheckpointError);
  bytes.writeUInt32LE(2, 8);
  expect(() => decodeCheckpoint(bytes)).toThrow('has version 2, and this server knows 1');
});
