import { expect, test } from 'vitest';
import { SeededRandom } from '../base/random.ts';
import { PARTITION_COUNT, TAG_LIMIT } from '../keyspace/slot-table.ts';
import { PlaceSet } from './place-set.ts';

test('holds what was added, until its partition is cleared', () => {
  const random = new SeededRandom(1);
  const places = new PlaceSet();
  const model = new Set<string>();
  for (let done = 0; done < 20_000; done++) {
    const partition = random.below(3) === 0 ? PARTITION_COUNT - 1 : random.below(4);
    const tag = random.below(2) === 0 ? TAG_LIMIT - 1 - random.below(100) : random.below(TAG_LIMIT);
    const place = `${partition}:${tag}`;
    expect(places.has(partition, tag)).toBe(model.has(place));
    expect(places.add(partition, tag)).toBe(!model.has(place));
    model.add(place);
    expect(places.has(partition, tag)).toBe(true);
  }
  expect(places.byteCount).toBeGreaterThan(model.size * 4);
  places.clear(2);
  for (const place of model) {
    const [partition, tag] = place.split(':').map(Number);
    expect(places.has(partition, tag)).toBe(partition !== 2);
  }
  for (const partition of [0, 1, 2, 3, PARTITION_COUNT - 1]) places.clear(partition);
  expect(places.byteCount).toBe(0);
});
