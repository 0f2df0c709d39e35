import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEngine, RESIDENCIES } from '../../../test/support/engine.ts';
import { ListValue } from './list.ts';

const LIST = 1;

test.each(RESIDENCIES)('random changes against an array, %s', (residency) => {
  const change = fc.record({
    kind: fc.constantFrom('pushFirst', 'pushLast', 'pushLast', 'insert', 'replace', 'remove'),
    place: fc.nat(400),
    count: fc.nat(60),
    length: fc.oneof({ weight: 20, arbitrary: fc.nat(40) }, fc.constant(300), fc.constant(5000)),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 400 }), fc.nat(), (changes, seed) => {
      const engine = createEngine({ residency, seed: seed + 1 });
      const [database] = engine.keyspace.databases;
      const name = Buffer.from('key');
      const list = new ListValue();
      const model: string[] = [];
      database.find(name, 0, name.length, 0);
      const { bytes, payloadOffset } = database.store(LIST, 0, ListValue.emptyBytes, -1);
      bytes.fill(0, payloadOffset, payloadOffset + ListValue.emptyBytes);
      changes.forEach(({ kind, place, count, length }, number) => {
        const element = Buffer.from(`${number}`.padEnd(length, '.'));
        const text = element.toString();
        const at = model.length === 0 ? 0 : place % model.length;
        database.find(name, 0, name.length, 0);
        list.open(database, true);
        if (kind === 'pushFirst') {
          list.push(true, element, 0, element.length);
          model.unshift(text);
        } else if (kind === 'pushLast') {
          list.push(false, element, 0, element.length);
          model.push(text);
        } else if (kind === 'insert') {
          list.insertAt(at, element, 0, element.length);
          model.splice(at, 0, text);
        } else if (kind === 'replace' && model.length > 0) {
          expect(list.seek(at)).toBe(true);
          list.replace(element, 0, element.length);
          model[at] = text;
        } else if (kind === 'remove') {
          list.removeAt(at, count);
          model.splice(at, count);
        }
        list.save();
        expect(list.count).toBe(model.length);
        engine.settle();
        if (number % 20 !== 0) return;
        database.find(name, 0, name.length, 0);
        list.open(database, false);
        const found: string[] = [];
        for (let more = list.seekEnd(true); more; more = list.next())
          found.push(Buffer.from(list.bytes.subarray(list.offset, list.offset + list.length)).toString());
        expect(found).toEqual(model);
        expect(list.seek(model.length)).toBe(false);
      });
      void engine.close();
    }),
    { numRuns: residency === 'hot' ? 40 : 5 },
  );
});
