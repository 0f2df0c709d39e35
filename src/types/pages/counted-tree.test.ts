import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEngine, RESIDENCIES, type Residency } from '../../../test/support/engine.ts';
import { compareBytes } from '../../base/bytes.ts';
import { CountedTree } from './counted-tree.ts';
import { lengthBytes, readLength, writeLength } from './length-code.ts';
import type { PageStore } from './record-store.ts';

/** Items are byte strings, sorted by their bytes. */
class TextTree extends CountedTree {
  #key = Buffer.alloc(0);

  seek(key: string): boolean {
    this.#key = Buffer.from(key);
    return this.seekKey();
  }

  text(): string {
    const { bytes } = this.leaf;
    const length = readLength(bytes, this.itemStart);
    const from = this.itemStart + lengthBytes(length);
    return Buffer.from(bytes.subarray(from, from + length)).toString();
  }

  put(text: string): void {
    const item = new Uint8Array(text.length + 5);
    const from = writeLength(item, 0, text.length);
    item.set(Buffer.from(text), from);
    this.insert(item, 0, from + text.length);
  }

  protected endOf(bytes: Uint8Array, at: number): number {
    const length = readLength(bytes, at);
    return at + lengthBytes(length) + length;
  }

  protected compare(bytes: Uint8Array, at: number): number {
    const length = readLength(bytes, at);
    return compareBytes(bytes, at + lengthBytes(length), length, this.#key, 0, this.#key.length);
  }

  protected compareSeparator(bytes: Uint8Array, at: number, length: number): number {
    return compareBytes(bytes, at, length, this.#key, 0, this.#key.length);
  }

  protected separatorOf(bytes: Uint8Array, at: number): Uint8Array {
    const length = readLength(bytes, at);
    const from = at + lengthBytes(length);
    return bytes.slice(from, from + length);
  }
}

function open(residency: Residency, seed: number) {
  const engine = createEngine({ residency, seed });
  const { pages } = engine.keyspace.databases[0];
  const tree = new TextTree(0);
  const collection = pages.takeCollection();
  const state = new Uint8Array(24);
  tree.begin(pages, collection);
  tree.write(state, 0);
  /** Opens the tree as a command would. */
  const withTree = <Result>(use: (tree: TextTree) => Result): Result => {
    tree.read(pages, collection, state, 0);
    const result = use(tree);
    tree.write(state, 0);
    engine.settle();
    return result;
  };
  return { engine, pages, withTree };
}

function forwards(tree: TextTree): string[] {
  const found: string[] = [];
  for (let more = tree.seekFirst(); more; more = tree.next()) found.push(tree.text());
  return found;
}

function backwards(tree: TextTree): string[] {
  const found: string[] = [];
  for (let more = tree.seekLast(); more; more = tree.previous()) found.push(tree.text());
  return found;
}

const RUNS: Readonly<Record<Residency, number>> = { hot: 60, demoted: 5, random: 5 };

test.each(RESIDENCIES)('sorted items against an array, %s', (residency) => {
  const change = fc.record({
    key: fc.nat(3000),
    length: fc.oneof({ weight: 20, arbitrary: fc.nat(40) }, fc.constant(900), fc.constant(3000)),
    kind: fc.constantFrom('put', 'put', 'remove', 'removeRange'),
    count: fc.nat(200),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 600 }), fc.nat(), (changes, seed) => {
      const { engine, pages, withTree } = open(residency, seed + 1);
      const model: string[] = [];
      for (let from = 0; from < changes.length; from += 30) {
        withTree((tree) => {
          for (const { key, length, kind, count } of changes.slice(from, from + 30)) {
            const name = `${key}`.padStart(5, '0').padEnd(length, 'x');
            const place = model.filter((other) => other < name).length;
            const isThere = model[place] === name;
            if (kind === 'removeRange') {
              let left = Math.min(count, model.length - place);
              model.splice(place, left);
              while (left > 0) {
                expect(tree.seekRank(place)).toBe(true);
                left -= tree.remove(left);
              }
              continue;
            }
            expect(tree.seek(name)).toBe(isThere);
            expect(tree.rank).toBe(place);
            if (kind === 'put' && !isThere) {
              tree.put(name);
              model.splice(place, 0, name);
            } else if (kind === 'remove' && isThere) {
              expect(tree.remove(1)).toBe(1);
              model.splice(place, 1);
            }
            expect(tree.count).toBe(model.length);
          }
        });
        withTree((tree) => {
          expect(forwards(tree)).toEqual(model);
          expect(backwards(tree)).toEqual([...model].reverse());
          for (let rank = 0; rank < model.length; rank += 7) {
            expect(tree.seekRank(rank)).toBe(true);
            expect(tree.text()).toBe(model[rank]);
          }
          expect(tree.seekRank(model.length)).toBe(false);
        });
      }
      withTree((tree) => {
        while (tree.count > 0) {
          tree.seekFirst();
          tree.remove(tree.count);
        }
      });
      expect(pages.records.size).toBe(0);
      void engine.close();
    }),
    { numRuns: RUNS[residency] },
  );
});

test('items appended and prepended fill their pages', () => {
  for (const isAtEnd of [true, false]) {
    const { pages, withTree } = open('hot', 1);
    const names = Array.from({ length: 20_000 }, (_, at) => `item:${at}`.padEnd(17, '-'));
    withTree((tree) => {
      for (const name of names) {
        if (isAtEnd) tree.seekEnd();
        else tree.seekFirst();
        tree.put(name);
      }
      expect(forwards(tree)).toEqual(isAtEnd ? names : [...names].reverse());
    });
    // 18 bytes each: 113 fit into a page.
    expect(pages.records.size).toBeLessThan((20_000 / 113) * 1.1);
  }
});

test('pages that the tier demotes in the midst of a command are counted in nevertheless', () => {
  const { engine, pages } = open('demoted', 1);
  const { growth } = engine.keyspace;
  const relieved: PageStore = {
    keyHash: pages.keyHash,
    get entry() {
      return pages.entry;
    },
    get isPlain() {
      return pages.isPlain;
    },
    get reliefCount() {
      return pages.reliefCount;
    },
    takeCollection: () => pages.takeCollection(),
    find(collection, structure, page) {
      growth.isWithinCommand = true;
      engine.settle();
      growth.isWithinCommand = false;
      growth.reliefCount++;
      const isThere = pages.find(collection, structure, page);
      // It is as if nothing was demoted yet, until the next look-up.
      if (isThere) pages.makeHot();
      return isThere;
    },
    findToRemove: (collection, structure, page) => pages.findToRemove(collection, structure, page),
    create: (...page) => pages.create(...page),
    remove: () => pages.remove(),
    reshape: (...shape) => pages.reshape(...shape),
    makeHot: () => pages.makeHot(),
  };
  const tree = new TextTree(0);
  tree.begin(relieved, pages.takeCollection());
  const texts = Array.from({ length: 60 }, (_, at) => `${(at * 37) % 60}`.padStart(2, '0').padEnd(300, '.'));
  for (const text of texts) {
    tree.seek(text);
    tree.put(text);
    growth.reset();
  }
  const removed = texts.filter((_, at) => at % 3 === 0);
  for (const text of removed) {
    expect(tree.seek(text)).toBe(true);
    tree.remove(1);
    growth.reset();
  }
  const left = texts.filter((text) => !removed.includes(text)).sort();
  left.forEach((text, rank) => {
    expect(tree.seekRank(rank)).toBe(true);
    expect(tree.text()).toBe(text);
    expect(tree.seek(text)).toBe(true);
    expect(tree.rank).toBe(rank);
    growth.reset();
  });
});
