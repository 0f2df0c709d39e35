import { describe, expect, it } from 'vitest';
import { Permutation, SequentialPattern } from './key-patterns.ts';
import { Random } from './random.ts';
import { KeyDomains, PatternWorkload } from './workload.ts';

describe('KeyDomains', () => {
  it('keeps the cold reserve apart from the hot and mixed keys, and covers all keys', () => {
    const domains = new KeyDomains(1000, 10, true);
    const mixed = domains.mixed(new SequentialPattern(domains.mixedCount));
    const cold = domains.cold(new Permutation(domains.reserveCount));
    const mixedKeys = new Set(Array.from({ length: domains.mixedCount }, () => mixed.next()));
    const coldKeys = new Set(Array.from({ length: domains.reserveCount }, () => cold.next()));
    expect(coldKeys.size).toBe(495);
    expect(mixedKeys.size).toBe(505);
    expect(new Set([...mixedKeys, ...coldKeys]).size).toBe(1000);
    expect(Math.min(...coldKeys)).toBe(10);
    expect(Math.max(...mixedKeys)).toBe(999);
  });

  it('reserves nothing without a cold phase', () => {
    expect(new KeyDomains(1000, 10, false).mixedCount).toBe(1000);
  });
});

describe('PatternWorkload', () => {
  it('reads in the given share', () => {
    const workload = new PatternWorkload(new SequentialPattern(5), new Random(2), 0.8);
    let reads = 0;
    for (let operation = 0; operation < 10_000; operation++) {
      workload.next();
      expect(workload.key).toBe(operation % 5);
      if (workload.isRead) reads++;
    }
    expect(Math.abs(reads - 8000)).toBeLessThan(5 * Math.sqrt(10_000 * 0.8 * 0.2));
  });

  it('never writes at a share of 1 and never reads at 0', () => {
    for (const share of [0, 1]) {
      const workload = new PatternWorkload(new SequentialPattern(5), new Random(2), share);
      for (let operation = 0; operation < 1000; operation++) {
        workload.next();
        expect(workload.isRead).toBe(share === 1);
      }
    }
  });
});
