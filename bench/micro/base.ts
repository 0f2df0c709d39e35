import type { Bench } from 'tinybench';
import { compareBytes, copyBytes, copyShort, equalViews, viewOf } from '../../src/base/bytes.ts';
import { crc32 } from '../../src/base/crc32.ts';
import { Crc64 } from '../../src/base/crc64.ts';
import { globMatch } from '../../src/base/glob.ts';
import { KeyHash } from '../../src/base/hash.ts';
import { parseInteger, writeInteger } from '../../src/base/numbers.ts';
import { KEY_BYTES, writeKey } from '../keys.ts';

/** Operations in one call of each bench, so that the cost of reading the clock does not count. */
export const OPERATIONS = 1000;

/** Where results go: work whose result nobody looks at may be compiled away. */
export const sink = { value: 0 };

/** Benches of src/base. */
export function addBaseBenches(bench: Bench): void {
  const keys = new Uint8Array(OPERATIONS * KEY_BYTES);
  for (let index = 0; index < OPERATIONS; index++) writeKey(keys, index * KEY_BYTES, index * 7919);

  /** Adds a bench that works on each key once, given by its offset in `keys`. */
  const addPerKey = (name: string, work: (offset: number) => number): void => {
    bench.add(name, () => {
      let sum = 0;
      for (let offset = 0; offset < keys.length; offset += KEY_BYTES) sum += work(offset);
      sink.value = sum;
    });
  };

  const view = viewOf(keys);
  const copyView = viewOf(keys.slice());
  const hash = new KeyHash(1, 2);
  addPerKey('hash: 16 B key', (offset) => hash.hash(view, offset, KEY_BYTES));
  addPerKey('bytes: equal views, 16 B', (offset) =>
    equalViews(view, offset, copyView, offset, KEY_BYTES) ? 1 : 0,
  );
  addPerKey('bytes: compare neighbours, 16 B', (offset) =>
    compareBytes(keys, offset, KEY_BYTES, keys, 0, KEY_BYTES),
  );

  const pattern = Buffer.from('key:*[0-4]?', 'latin1');
  addPerKey('glob: key:*[0-4]?', (offset) =>
    globMatch(pattern, 0, pattern.length, keys, offset, KEY_BYTES, false) ? 1 : 0,
  );

  const digits = Buffer.from('1234567', 'latin1');
  addPerKey('numbers: parse 7 digits', () => parseInteger(digits, 0, digits.length));
  const written = new Uint8Array(20);
  addPerKey('numbers: write 7 digits', (offset) => writeInteger(written, 0, 1_234_567 + offset));

  for (const size of [16, 48, 100, 1000]) {
    const source = new Uint8Array(size).fill(7);
    const target = new Uint8Array(size);
    const sourceView = viewOf(source);
    const targetView = viewOf(target);
    addPerKey(`bytes: copy, ${size} B`, () => {
      copyBytes(source, 0, target, 0, size);
      return target[size - 1];
    });
    addPerKey(`bytes: copy short, ${size} B`, () => {
      copyShort(sourceView, 0, targetView, 0, size);
      return target[size - 1];
    });
  }

  for (const size of [100, 1000, 4000]) {
    const bytes = new Uint8Array(size).fill(7);
    addPerKey(`crc32: ${size} B`, () => crc32(bytes, 0, size));
    addPerKey(`crc64: ${size} B`, () => {
      const crc = new Crc64();
      crc.update(bytes, 0, size);
      return 1;
    });
  }
}
