import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEngine, RESIDENCIES, type TestEngine } from '../../../test/support/engine.ts';
import { StreamId } from './id.ts';
import { StreamValue } from './stream.ts';

const STREAM = 6;
const NAME = Buffer.from('key');

interface Pending {
  owner: string;
  deliveredMs: number;
  deliveries: number;
}

/** A group of the model. */
interface Group {
  readonly consumers: Set<string>;
  readonly pending: Map<number, Pending>;
}

function idOf(ms: number): StreamId {
  const id = new StreamId();
  id.setTime(ms);
  return id;
}

function open(engine: TestEngine, stream: StreamValue, isForWriting: boolean): void {
  const [database] = engine.keyspace.databases;
  if (database.find(NAME, 0, NAME.length, 0)) {
    stream.open(database, isForWriting);
    return;
  }
  database.store(STREAM, StreamValue.encoding, StreamValue.emptyBytes, -1);
  stream.create(database);
}

/** All that is told of the current group. */
function read(stream: StreamValue): unknown {
  const { groups } = stream;
  const pending: unknown[] = [];
  for (let more = groups.seekPending(idOf(0)); more; more = groups.nextPending()) {
    groups.readName(groups.owner);
    const owner = Buffer.from(groups.name.subarray(0, groups.nameLength)).toString();
    pending.push([groups.pendingId.msLow, owner, groups.deliveredMs, Number(groups.deliveries)]);
  }
  const owned: unknown[] = [];
  for (let more = groups.firstConsumer(); more; more = groups.nextConsumer()) {
    const name = Buffer.from(groups.name.subarray(0, groups.nameLength)).toString();
    const ids: number[] = [];
    for (let isOwned = groups.firstOwned(); isOwned; isOwned = groups.nextOwned())
      ids.push(groups.pendingId.msLow);
    expect(groups.ownedCount).toBe(ids.length);
    owned.push([name, ids]);
  }
  const timed: number[] = [];
  for (let more = groups.firstTimed(); more; more = groups.nextTimed()) timed.push(groups.pendingId.msLow);
  expect(groups.pendingCount).toBe(pending.length);
  expect(groups.consumerCount).toBe(owned.length);
  return { pending, owned, timed };
}

function expected(group: Group): unknown {
  const entries = [...group.pending].sort(([left], [right]) => left - right);
  return {
    pending: entries.map(([id, { owner, deliveredMs, deliveries }]) => [id, owner, deliveredMs, deliveries]),
    owned: [...group.consumers]
      .sort()
      .map((name) => [name, entries.filter(([, { owner }]) => owner === name).map(([id]) => id)]),
    timed: [...entries]
      .sort(([leftId, left], [rightId, right]) => left.deliveredMs - right.deliveredMs || leftId - rightId)
      .map(([id]) => id),
  };
}

test.each(RESIDENCIES)('random changes against maps, %s', (residency) => {
  const change = fc.record({
    kind: fc.constantFrom(
      'add',
      'many',
      'many',
      'claim',
      'remove',
      'removeAll',
      'dereference',
      'consumer',
      'group',
    ),
    group: fc.constantFrom('g', 'h', '', 'a longer name of a group'),
    consumer: fc.constantFrom('alice', 'bob', '', 'c'.repeat(200)),
    id: fc.integer({ min: 1, max: 300 }),
    count: fc.integer({ min: 1, max: 90 }),
    deliveredMs: fc.constantFrom(0, 1, 1_700_000_000_000, 1_700_000_000_001, 2 ** 47),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const engine = createEngine({ residency });
      const stream = new StreamValue();
      const { groups } = stream;
      const model = new Map<string, Group>();
      changes.forEach(({ kind, group, consumer, id, count, deliveredMs }, number) => {
        open(engine, stream, true);
        stream.prepareGroups();
        const groupBytes = Buffer.from(group);
        const name = Buffer.from(consumer);
        let known = model.get(group);
        expect(groups.findGroup(groupBytes, 0, groupBytes.length)).toBe(known !== undefined);
        if (known !== undefined && kind === 'group' && id < 60) {
          groups.destroyGroup(groupBytes, 0, groupBytes.length);
          model.delete(group);
          stream.save();
          engine.settle();
          return;
        }
        if (known === undefined) {
          groups.createGroup(groupBytes, 0, groupBytes.length, idOf(id), BigInt(number));
          known = { consumers: new Set(), pending: new Map() };
          model.set(group, known);
        }
        const { consumers, pending } = known;
        const isThere = groups.findConsumer(name, 0, name.length);
        expect(isThere).toBe(consumers.has(consumer));
        if (!isThere) {
          groups.createConsumer(name, 0, name.length, number);
          consumers.add(consumer);
        } else if (kind === 'consumer' && id < 60) {
          groups.deleteConsumer(name, 0, name.length);
          consumers.delete(consumer);
          for (const [key, { owner }] of pending) if (owner === consumer) pending.delete(key);
        }
        const owner = groups.consumer;
        const last = kind === 'many' || kind === 'removeAll' ? id + count : id;
        for (let ms = id; ms <= last && consumers.has(consumer); ms++) {
          const isPending = groups.findPending(idOf(ms));
          expect(isPending).toBe(pending.has(ms));
          if ((kind === 'add' || kind === 'many') && !isPending) {
            groups.addPending(idOf(ms), owner, deliveredMs, 1n);
            pending.set(ms, { owner: consumer, deliveredMs, deliveries: 1 });
          } else if (kind === 'claim' && isPending) {
            groups.updatePending(owner, deliveredMs, groups.deliveries + 1n);
            const { deliveries } = pending.get(ms) as Pending;
            pending.set(ms, { owner: consumer, deliveredMs, deliveries: deliveries + 1 });
          } else if ((kind === 'remove' || kind === 'removeAll') && isPending) {
            groups.removePending();
            pending.delete(ms);
          }
        }
        if (kind === 'dereference') {
          const isReferenced = [...model.values()].some((other) => other.pending.has(id));
          expect(groups.removeReferences(idOf(id))).toBe(isReferenced);
          for (const other of model.values()) other.pending.delete(id);
          expect(groups.isReferenced(idOf(0))).toBe(false);
        }
        stream.save();
        engine.settle();
        if (number % 8 !== 0 && number !== changes.length - 1) return;
        open(engine, stream, false);
        const names: string[] = [];
        for (let more = groups.firstGroup(); more; more = groups.nextGroup()) {
          const told = Buffer.from(groups.name.subarray(0, groups.nameLength)).toString();
          names.push(told);
          expect(read(stream)).toEqual(expected(model.get(told) as Group));
        }
        expect(names).toEqual([...model.keys()].sort());
        expect(groups.groupCount).toBe(model.size);
      });
      void engine.close();
    }),
    { numRuns: residency === 'hot' ? 40 : 6 },
  );
});
