import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { Simulation } from './simulation.ts';

/** THERMOCLINE_SIMULATION_SEED: the first run's seed, the next ones count on from it; _COUNT: how many runs. */
const seedBase = Number(process.env.THERMOCLINE_SIMULATION_SEED ?? 1);
const runCount = Number(process.env.THERMOCLINE_SIMULATION_COUNT ?? 6);
const LIVES = 8;
const STEPS_MAX = 400;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('whenever the process ends or the power is cut, the next one goes on from the newest checkpoint, whole', async () => {
  const restarts = { empty: 0, whole: 0 };
  for (let seed = seedBase; seed < seedBase + runCount; seed++) {
    const random = new SeededRandom(seed, 77);
    const simulation = new Simulation(seed);
    try {
      for (let life = 0; life < LIVES; life++) {
        await simulation.run(1 + random.below(STEPS_MAX));
        await simulation.crash(seed * 100 + life, random.below(2) === 0 ? 'process' : 'power');
      }
      await simulation.run(STEPS_MAX);
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
    restarts.empty += simulation.restarts.empty;
    restarts.whole += simulation.restarts.whole;
  }
  if (process.env.THERMOCLINE_SIMULATION_COUNT === undefined) {
    expect(restarts.whole).toBeGreaterThan(restarts.empty);
  }
});
