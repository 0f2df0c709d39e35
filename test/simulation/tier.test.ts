import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Simulation } from './simulation.ts';

/** THERMOCLINE_SIMULATION_SEED: the first run's seed, the next ones count on from it; _COUNT: how many runs. */
const seedBase = Number(process.env.THERMOCLINE_SIMULATION_SEED ?? 1);
const runCount = Number(process.env.THERMOCLINE_SIMULATION_COUNT ?? 12);
const STEPS = 2500;
const STEPS_AFTER_CRASH = 200;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('whatever the disk does, replies are those of a Map, and every account is exact', async () => {
  const total: Record<string, number> = {};
  for (let seed = seedBase; seed < seedBase + runCount; seed++) {
    const simulation = new Simulation(seed);
    try {
      await simulation.run(STEPS);
      await simulation.heal();
      for (const [name, count] of Object.entries(simulation.counts)) total[name] = (total[name] ?? 0) + count;
      await simulation.crash(seed);
      await simulation.run(STEPS_AFTER_CRASH);
      await simulation.heal();
      await simulation.close();
    } catch (error) {
      expect.fail(
        [
          `${(error as Error).stack}`,
          `THERMOCLINE_SIMULATION_SEED=${seed} THERMOCLINE_SIMULATION_COUNT=1 runs it again. The last steps:`,
          ...simulation.trace,
        ].join('\n'),
      );
    }
  }
  if (process.env.THERMOCLINE_SIMULATION_COUNT === undefined) {
    // A simulation in which nothing happens finds nothing.
    expect(Object.entries(total).filter(([, count]) => count === 0)).toEqual([]);
  }
});
