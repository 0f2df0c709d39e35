import { describe, expect, it } from 'vitest';
import { keyPattern, Permutation, SequentialPattern, ZipfianRanks } from './key-patterns.ts';
import { Random } from './random.ts';

describe('ZipfianRanks', () => {
  for (const theta of [0.5, 0.99, 1, 1.3]) {
    it(`draws ranks with their theoretical frequencies at θ = ${theta}`, () => {
      const count = 1000;
      const draws = 400_000;
      const seen = new Float64Array(count);
      const ranks = new ZipfianRanks(new Random(7), count, theta);
      for (let draw = 0; draw < draws; draw++) seen[ranks.next()]++;
      let weights = 0;
      for (let rank = 1; rank <= count; rank++) weights += rank ** -theta;
      // Pearson's statistic over all ranks: its mean is 999 and its standard deviation 45.
      let statistic = 0;
      for (let rank = 0; rank < count; rank++) {
        const expected = (draws * (rank + 1) ** -theta) / weights;
        statistic += (seen[rank] - expected) ** 2 / expected;
      }
      expect(statistic).toBeGreaterThan(999 - 5 * 45);
      expect(statistic).toBeLessThan(999 + 5 * 45);
    });
  }

  it('stays within a domain of a hundred million ranks', () => {
    const ranks = new ZipfianRanks(new Random(3), 100_000_000, 0.99);
    let beyondMiddle = 0;
    for (let draw = 0; draw < 100_000; draw++) {
      const rank = ranks.next();
      if (!(rank >= 0 && rank < 100_000_000)) expect.fail(`rank ${rank}`);
      if (rank >= 50_000_000) beyondMiddle++;
    }
    // ∫ x^-0.99 over the upper half is 3.6 % of the whole.
    expect(beyondMiddle).toBeGreaterThan(3000);
    expect(beyondMiddle).toBeLessThan(4300);
  });
});

describe('Permutation', () => {
  it('visits every index exactly once before it begins again', () => {
    for (const count of [1, 2, 3, 10, 97, 1000, 4096]) {
      const order = new Permutation(count);
      const visited = Array.from({ length: count }, () => order.next());
      expect(visited.slice().sort((left, right) => left - right)).toEqual([...visited.keys()]);
      expect(order.next()).toBe(visited[0]);
    }
  });

  it('is exact where a plain product would lose bits', () => {
    const count = 2_000_000_011;
    const order = new Permutation(count);
    const step = BigInt(order.at(1));
    for (const position of [2, 12_345, 1_999_999_999, count - 1]) {
      expect(BigInt(order.at(position))).toBe((BigInt(position) * step) % BigInt(count));
    }
  });
});

describe('keyPattern', () => {
  it('makes patterns that stay in their domain and repeat for a seed', () => {
    for (const text of ['uniform', 'sequential', 'zipfian', 'zipfian(1.2)', 'shifting', 'scan-heavy(0.8)']) {
      const first = keyPattern(text, new Random(5), 777);
      const second = keyPattern(text, new Random(5), 777);
      for (let draw = 0; draw < 30_000; draw++) {
        const index = first.next();
        if (!(index >= 0 && index < 777) || index !== second.next()) expect.fail(`${text}: ${index}`);
      }
    }
  });

  it('rejects other texts', () => {
    for (const text of ['', 'zipf', 'uniform(1)', 'zipfian()', 'zipfian(0)', 'zipfian(x)', 'sequential(2)']) {
      expect(() => keyPattern(text, new Random(1), 10)).toThrow(/unknown key pattern/);
    }
  });

  it('draws all keys of uniform about equally often', () => {
    const pattern = keyPattern('uniform', new Random(9), 100);
    const seen = new Float64Array(100);
    for (let draw = 0; draw < 100_000; draw++) seen[pattern.next()]++;
    for (const count of seen) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000));
  });

  it('moves the hot keys of shifting away over time', () => {
    const pattern = keyPattern('shifting(1.2)', new Random(9), 10_000);
    const favourite = () => {
      const seen = new Map<number, number>();
      for (let draw = 0; draw < 99; draw++) {
        const index = pattern.next();
        seen.set(index, (seen.get(index) ?? 0) + 1);
      }
      pattern.next();
      return [...seen].sort((left, right) => right[1] - left[1])[0][0];
    };
    const favourites = Array.from({ length: 20 }, favourite);
    expect(new Set(favourites).size).toBeGreaterThan(15);
  });

  it('takes half of scan-heavy from runs of neighbours', () => {
    const pattern = keyPattern('scan-heavy', new Random(9), 1_000_000);
    const seen = new Set<number>();
    let neighbours = 0;
    for (let draw = 0; draw < 20_000; draw++) {
      const index = pattern.next();
      if (seen.has(index - 1)) neighbours++;
      seen.add(index);
    }
    expect(neighbours).toBeGreaterThan(9500);
    expect(neighbours).toBeLessThan(12_000);
  });
});

describe('SequentialPattern', () => {
  it('goes round from its first index', () => {
    const pattern = new SequentialPattern(3, 10);
    expect(Array.from({ length: 5 }, () => pattern.next())).toEqual([10, 11, 12, 10, 11]);
  });
});
