import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEngine, RESIDENCIES, type TestEngine } from '../../../test/support/engine.ts';
import { Arguments } from '../../resp/arguments.ts';
import { DetachedValue } from '../pages/detached-record.ts';
import { StreamId } from './id.ts';
import { StreamValue } from './stream.ts';
import { type Trim, trimStream } from './trim.ts';

const STREAM = 6;
const NAME = Buffer.from('key');
const LIMITS = { bytes: 4096, entries: 7 };

/** An entry as the tests compare it: its id and its fields. */
type Entry = [id: string, ...fields: string[]];

function idOf(ms: number, sequence = 0): StreamId {
  const id = new StreamId();
  const text = Buffer.from(`${ms}-${sequence}`);
  id.parse(text, 0, text.length, false);
  return id;
}

function find(engine: TestEngine, stream: StreamValue, isForWriting: boolean): void {
  const [database] = engine.keyspace.databases;
  database.find(NAME, 0, NAME.length, 0);
  stream.open(database, isForWriting);
}

function create(engine: TestEngine, stream: StreamValue): void {
  const [database] = engine.keyspace.databases;
  database.find(NAME, 0, NAME.length, 0);
  database.store(STREAM, StreamValue.encoding, StreamValue.emptyBytes, -1);
  stream.create(database);
  stream.save();
}

function append(stream: StreamValue, id: StreamId, fields: readonly string[]): void {
  const words = Arguments.of(fields.map((field) => Buffer.from(field)));
  stream.append(id, words, 0, fields.length / 2, LIMITS);
}

function entryOf(stream: StreamValue): Entry {
  stream.readEntry();
  const entry: Entry = [stream.id.toString()];
  const text = (bytes: Uint8Array, offset: number, length: number): string =>
    Buffer.from(bytes.subarray(offset, offset + length)).toString();
  for (let field = 0; field < stream.fieldCount; field++) {
    stream.nextField();
    entry.push(text(stream.nameBytes, stream.nameOffset, stream.nameLength));
    entry.push(text(stream.valueBytes, stream.valueOffset, stream.valueLength));
  }
  return entry;
}

function entriesOf(stream: StreamValue): Entry[] {
  const entries: Entry[] = [];
  for (let more = stream.seekFirst(); more; more = stream.next()) entries.push(entryOf(stream));
  return entries;
}

/** Groups of a model's entries that Redis would keep in one node: for each, the ids of its entries that are there. */
function nodesOf(stream: StreamValue): number[] {
  const nodes: number[] = [];
  for (let more = stream.seekFirst(); more; more = stream.next()) {
    if (stream.beginsNode) nodes.push(0);
    nodes[nodes.length - 1]++;
  }
  return nodes;
}

test.each(RESIDENCIES)('random changes against an array, %s', (residency) => {
  const change = fc.record({
    kind: fc.constantFrom('add', 'add', 'add', 'many', 'remove', 'removeMany', 'trim'),
    place: fc.nat(1000),
    count: fc.nat(120),
    fieldCount: fc.integer({ min: 1, max: 3 }),
    step: fc.constantFrom(0, 1, 1, 1000, 2 ** 40),
    length: fc.oneof(
      { weight: 20, arbitrary: fc.nat(40) },
      { weight: 1, arbitrary: fc.constantFrom(300, 5000) },
    ),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 120 }), fc.nat(), (changes, seed) => {
      const engine = createEngine({ residency, seed: seed + 1 });
      const stream = new StreamValue();
      create(engine, stream);
      const model: Entry[] = [];
      let ms = 1_700_000_000_000;
      let sequence = 0;
      const add = (number: number, fieldCount: number, step: number, length: number): void => {
        if (step > 0) sequence = 0;
        else sequence++;
        ms += step;
        const fields = Array.from({ length: fieldCount }, (_, field) => [
          `name${field + (number % 90 === 0 ? number : 0)}`,
          `${number}`.padEnd(length, '.'),
        ]).flat();
        append(stream, idOf(ms, sequence), fields);
        model.push([`${ms}-${sequence}`, ...fields]);
      };
      const remove = (at: number): void => {
        const [[text]] = model.splice(at, 1);
        const [time, number] = text.split('-').map(Number);
        expect(stream.remove(idOf(time, number))).toBe(true);
        expect(stream.remove(idOf(time, number))).toBe(false);
      };
      let added = 0;
      changes.forEach(({ kind, place, count, fieldCount, step, length }, number) => {
        find(engine, stream, true);
        if (kind === 'add') add(added++, fieldCount, step, length);
        else if (kind === 'many')
          for (let left = count; left > 0; left--) add(added++, fieldCount, step % 7, length % 90);
        else if (kind === 'remove' && model.length > 0) remove(place % model.length);
        else if (kind === 'removeMany')
          for (let left = Math.min(count, model.length); left > 0; left--) remove(place % model.length);
        else if (kind === 'trim') {
          const removed = Math.min(count, model.length);
          if (removed > 0) stream.removeFirst(removed);
          model.splice(0, removed);
        }
        stream.save();
        expect(stream.count).toBe(model.length);
        engine.settle();
        if (number % 10 !== 0 && number !== changes.length - 1) return;
        find(engine, stream, false);
        expect(entriesOf(stream)).toEqual(model);
        const nodes = nodesOf(stream);
        expect(nodes.length).toBe(stream.nodeCount);
        expect(Math.max(0, ...nodes)).toBeLessThanOrEqual(LIMITS.entries);
        expect(Number(stream.entriesAdded)).toBe(added);
        const backwards: Entry[] = [];
        for (let more = stream.seekLast(); more; more = stream.previous()) backwards.unshift(entryOf(stream));
        expect(backwards).toEqual(model);
        if (model.length === 0) return;
        const [text] = model[place % model.length];
        const [time, rest] = text.split('-').map(Number);
        expect(stream.seekFrom(idOf(time, rest))).toBe(place % model.length);
        expect(entryOf(stream)[0]).toBe(text);
        expect(stream.seekUpTo(idOf(time, rest))).toBe((place % model.length) + 1);
        expect(entryOf(stream)[0]).toBe(text);
        expect(stream.has(idOf(time, rest))).toBe(true);
        expect(stream.has(idOf(time, rest + 2 ** 33))).toBe(false);
        expect(stream.seekUpTo(idOf(2 ** 50))).toBe(model.length);
        expect(entryOf(stream)).toEqual(model[model.length - 1]);
        expect(stream.seekUpTo(idOf(0))).toBe(0);
        expect(stream.seek(idOf(0))).toBe(true);
        expect(stream.has(idOf(0))).toBe(false);
        expect(stream.seekFrom(idOf(2 ** 50))).toBe(model.length);
      });
      void engine.close();
    }),
    { numRuns: residency === 'hot' ? 40 : 5 },
  );
});

const exactly = (more: Partial<Trim>): Trim => ({
  strategy: 'maxlen',
  lengthMax: 0,
  idMin: new StreamId(),
  isApproximate: false,
  limit: 0,
  policy: 'keepref',
  ...more,
});

test('an approximate trim removes whole nodes', () => {
  const engine = createEngine();
  const stream = new StreamValue();
  create(engine, stream);
  for (let ms = 1; ms <= 30; ms++) append(stream, idOf(ms), ['name', 'value']);
  expect(nodesOf(stream)).toEqual([7, 7, 7, 7, 2]);
  stream.remove(idOf(1));
  stream.remove(idOf(10));
  stream.remove(idOf(30));
  stream.remove(idOf(29));
  expect(nodesOf(stream)).toEqual([6, 6, 7, 7]);
  append(stream, idOf(31), ['name', 'value']);
  expect(nodesOf(stream)).toEqual([6, 6, 7, 7, 1]);
  expect(trimStream(stream, exactly({ isApproximate: true, lengthMax: 22 }))).toBe(0);
  expect(trimStream(stream, exactly({ isApproximate: true, lengthMax: 20 }))).toBe(6);
  expect(trimStream(stream, exactly({ isApproximate: true, lengthMax: 0, limit: 15 }))).toBe(13);
  expect(trimStream(stream, exactly({ isApproximate: true, strategy: 'minid', idMin: idOf(28) }))).toBe(0);
  expect(trimStream(stream, exactly({ lengthMax: 3 }))).toBe(5);
  expect(nodesOf(stream)).toEqual([2, 1]);
  expect(trimStream(stream, exactly({ isApproximate: true, strategy: 'minid', idMin: idOf(31) }))).toBe(2);
  expect(trimStream(stream, exactly({}))).toBe(1);
  expect(stream.nodeCount).toBe(0);
  stream.save();
  void engine.close();
});

test('a stream that no key has is stored', () => {
  const engine = createEngine();
  const [database] = engine.keyspace.databases;
  const stream = new StreamValue();
  const value = new DetachedValue(StreamValue.encoding, StreamValue.emptyBytes, database.pages);
  stream.create(value);
  for (let ms = 1; ms <= 500; ms++) append(stream, idOf(ms), ['name', `value ${ms}`]);
  stream.prepareGroups();
  stream.save();
  database.find(NAME, 0, NAME.length, 0);
  const stored = database.store(STREAM, StreamValue.encoding, value.payloadLength, -1);
  stored.bytes.set(value.bytes.subarray(0, value.payloadLength), stored.payloadOffset);
  find(engine, stream, false);
  expect(entriesOf(stream).length).toBe(500);
  expect(stream.groups.isThere).toBe(true);
  void engine.close();
});

test('names of many kinds are kept in their entries', () => {
  const engine = createEngine();
  const stream = new StreamValue();
  create(engine, stream);
  const model: Entry[] = [];
  for (let ms = 1; ms <= 300; ms++) {
    const fields = [`name ${ms % 100}`, 'x', 'name', 'y'];
    append(stream, idOf(ms), fields);
    model.push([`${ms}-0`, ...fields]);
  }
  stream.save();
  find(engine, stream, false);
  expect(entriesOf(stream)).toEqual(model);
  expect(engine.keyspace.databases[0].entry.payloadLength).toBeLessThan(2500);
  void engine.close();
});
