import { expect, it } from 'vitest';
import {
  AnonymousMemoryWatch,
  anonymousBytes,
  parseCpuTicks,
  readProcessStatistics,
} from './process-statistics.ts';

it('reads the ticks behind a name with spaces and brackets', () => {
  const stat = '1234 (a (b) c) S 1 1 1 0 -1 4194304 9 9 9 9 70 5 1 1 20 0 11 0 100 1000 10';
  expect(parseCpuTicks(stat)).toBe(75);
});

it('adds anonymous and shared memory, not file pages', () => {
  const status = 'VmRSS:\t  900 kB\nRssAnon:\t     100 kB\nRssFile:\t     300 kB\nRssShmem:\t      20 kB\n';
  expect(anonymousBytes(status)).toBe(120 * 1024);
});

it('sees this process use CPU and memory', () => {
  const before = readProcessStatistics(process.pid);
  const watch = new AnonymousMemoryWatch(process.pid, 1_000_000);
  const until = process.cpuUsage().user + 60_000;
  while (process.cpuUsage().user < until);
  const bytes = Buffer.alloc(64 * 2 ** 20, 1);
  const after = readProcessStatistics(process.pid);
  expect(after.cpuUs - before.cpuUs).toBeGreaterThan(40_000);
  expect(after.anonymousBytes - before.anonymousBytes).toBeGreaterThan(48 * 2 ** 20);
  expect(after.residentBytes).toBeGreaterThan(after.anonymousBytes);
  expect(watch.stop()).toBeGreaterThanOrEqual(after.anonymousBytes - 32 * 2 ** 20);
  expect(watch.sampleCount).toBe(2);
  expect(bytes[0]).toBe(1);
});
