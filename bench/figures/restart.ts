import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SequentialPattern, UniformPattern } from '../key-patterns.ts';
import { keyText } from '../keys.ts';
import { startRedisIn, startTiered } from '../known-servers.ts';
import { LoadGenerator } from '../load-generator.ts';
import { loadKeys, measureRound, warmUp } from '../measurement.ts';
import { ClosedLoop } from '../pacing.ts';
import { Random } from '../random.ts';
import { type LocalServer, temporaryFolder } from '../server-process.ts';
import { formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import { PatternWorkload } from '../workload.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { infoNumber } from './tier-fields.ts';

const KEYS = 20_000_000;
const HOT_KEYS = 400_000;
const MAXMEMORY_BYTES = 512 * 2 ** 20;
const CLEAN_SECONDS_MAX = 2;
const KILLED_SECONDS_MAX = 4;
const HIT_RATIO_FRACTION_MIN = 0.9;
/** How old the checkpoint is when the server is killed. */
const CHECKPOINT_AGE_MS = 30_000;
const CLIENTS = 8;
const PIPELINE = 16;
const WAIT_MS_MAX = 300_000;
const TIER = ['--flex-checkpoint-interval', '0'];

/**
 * The time from the start of the process to the first right answer: after a clean shutdown, and after SIGKILL with a checkpoint 30
 * seconds old while writes went on; beside it redis-server's with the same keys in an RDB file. And how soon the keys in use are
 * in RAM again.
 */
export const restart: Figure = {
  name: 'restart',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const scale = context.quick ? 20 : 1;
    const keyCount = KEYS / scale;
    const hotCount = HOT_KEYS / scale;
    const values = new Values(new SizeDistribution('100'), false);
    const keptFolder = temporaryFolder();
    const start = () =>
      startTiered(context, Math.max(MAXMEMORY_BYTES / scale, 128 * 2 ** 20), 'thermocline', {
        keptFolder,
        directives: TIER,
      });
    try {
      const redisSeconds = await measureRedis(context, values, keyCount);
      let server = await start();
      context.log(`restart: ${formatNumber(keyCount)} keys`);
      await loadKeys(server, { values, keyCount, title: 'load' });
      const before = await hitRatio(server, values, hotCount, 3);
      const hotBytes = await infoNumber(server, 'flex_hot_bytes');
      const stopping = performance.now();
      await server.stop();
      const stopSeconds = secondsSince(stopping);

      const [clean, cleanSeconds] = await firstAnswer(start, keyCount);
      server = clean;
      yield {
        what: `start after a clean shutdown, ${formatNumber(keyCount)} keys, to the first right answer`,
        measured: `${formatNumber(cleanSeconds)} s (shutdown ${formatNumber(stopSeconds)} s)`,
        redis: `${formatNumber(redisSeconds)} s`,
        goal: `≤ ${CLEAN_SECONDS_MAX} s`,
        isMet: cleanSeconds <= CLEAN_SECONDS_MAX,
        numbers: { cleanSeconds, stopSeconds, redisSeconds, keyCount },
      };

      const warmSeconds = await warmed(server);
      const after = await hitRatio(server, values, hotCount, 0);
      const readSeconds = secondsToRead(join(keptFolder, 'tier'), hotBytes);
      yield {
        what: `warm-up of ${formatNumber(hotBytes / 2 ** 20)} MiB: RAM hit ratio ${formatNumber(after)} (before ${formatNumber(before)})`,
        measured: `${formatNumber(warmSeconds)} s`,
        redis: '–',
        goal: `≥ ${HIT_RATIO_FRACTION_MIN} × within twice the ${formatNumber(readSeconds)} s of reading it`,
        isMet: after >= HIT_RATIO_FRACTION_MIN * before && warmSeconds <= 2 * readSeconds,
        numbers: { warmSeconds, before, after, hotBytes, readSeconds },
      };

      await checkpoint(server);
      const generator = await LoadGenerator.connect(server.address, values, CLIENTS, PIPELINE);
      await generator.run({
        workload: new PatternWorkload(new UniformPattern(new Random(3), keyCount), new Random(4), 0.5),
        pacing: new ClosedLoop({
          operations: Infinity,
          durationMs: CHECKPOINT_AGE_MS / (context.quick ? 10 : 1),
        }),
        pipeline: PIPELINE,
        verify: false,
      });
      generator.close();
      process.kill(server.pid, 'SIGKILL');
      await server.stop();
      const [killed, killedSeconds] = await firstAnswer(start, keyCount);
      server = killed;
      yield {
        what: `start after SIGKILL, the checkpoint ${CHECKPOINT_AGE_MS / 1000} s old`,
        measured: `${formatNumber(killedSeconds)} s`,
        redis: `${formatNumber(redisSeconds)} s`,
        goal: `≤ ${KILLED_SECONDS_MAX} s`,
        isMet: killedSeconds <= KILLED_SECONDS_MAX,
        numbers: { killedSeconds, redisSeconds },
      };
      await server.stop();
    } finally {
      rmSync(keptFolder, { recursive: true, force: true });
    }
  },
};

/** Seconds that redis-server takes to load the same keys. */
async function measureRedis(context: FigureContext, values: Values, keyCount: number): Promise<number> {
  const keptFolder = temporaryFolder();
  try {
    const writer = await startRedisIn(context, keptFolder);
    await loadKeys(writer, { values, keyCount, title: 'load redis' });
    await writer.control.command('SAVE');
    await writer.stop();
    const [reader, seconds] = await firstAnswer(() => startRedisIn(context, keptFolder), keyCount);
    await reader.stop();
    return seconds;
  } finally {
    rmSync(keptFolder, { recursive: true, force: true });
  }
}

/** Starts a server; seconds until it has answered a GET of a key that was loaded, and counted them all. */
async function firstAnswer(
  start: () => Promise<LocalServer>,
  keyCount: number,
): Promise<[LocalServer, number]> {
  const begun = performance.now();
  const server = await start();
  const deadline = begun + WAIT_MS_MAX;
  for (;;) {
    try {
      const value = await server.control.command('GET', keyText(Math.floor(keyCount / 2)));
      if (typeof value !== 'string') throw new Error('a key is missing after the start');
      break;
    } catch (error) {
      if (!`${error}`.includes('LOADING') || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  const seconds = secondsSince(begun);
  const size = Number(await server.control.command('DBSIZE'));
  if (size !== keyCount) throw new Error(`${size} keys after the start, of ${keyCount}`);
  return [server, seconds];
}

/** The share of reads of a few keys that RAM answers, after so many rounds that make them hot. */
async function hitRatio(
  server: LocalServer,
  values: Values,
  hotCount: number,
  rounds: number,
): Promise<number> {
  const generator = await LoadGenerator.connect(server.address, values, CLIENTS, PIPELINE);
  try {
    if (rounds > 0) await warmUp(generator, new SequentialPattern(hotCount), hotCount * rounds, PIPELINE);
    const round = await measureRound(server, generator, {
      workload: new PatternWorkload(new UniformPattern(new Random(1), hotCount), new Random(2), 1),
      pacing: new ClosedLoop({ operations: hotCount / 2, durationMs: Infinity }),
      pipeline: PIPELINE,
      verify: true,
    });
    const wrong = round.errors + round.misses + round.mismatches;
    if (wrong > 0) throw new Error(`${wrong} reads were wrong ${round.lastError}`);
    const hot = round.flex.flex_hot_hits?.change ?? 0;
    const cold = round.flex.flex_cold_hits?.change ?? 0;
    return hot / (hot + cold);
  } finally {
    generator.close();
  }
}

/** Waits until the hot set is back; the seconds since the start of the server's process. */
async function warmed(server: LocalServer): Promise<number> {
  const begun = performance.now();
  while ((await infoNumber(server, 'flex_warming')) !== 0) {
    if (performance.now() - begun > WAIT_MS_MAX) throw new Error('the hot set does not come back');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return secondsSince(begun);
}

async function checkpoint(server: LocalServer): Promise<void> {
  const before = await infoNumber(server, 'flex_checkpoints');
  await server.control.command('FLEX', 'CHECKPOINT');
  const begun = performance.now();
  while ((await infoNumber(server, 'flex_checkpoints')) === before) {
    if (performance.now() - begun > WAIT_MS_MAX) throw new Error('the checkpoint is not taken');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Seconds that the disk takes to read so many bytes of the tier's files one after the other. */
function secondsToRead(folder: string, bytes: number): number {
  const begun = performance.now();
  let left = Math.ceil(bytes / 2 ** 20);
  for (const name of readdirSync(folder).filter((each) => /^\d+$/.test(each))) {
    const path = join(folder, name, 'blocks.mdb');
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined || left <= 0) continue;
    const count = Math.min(left, Math.floor(found.size / 2 ** 20));
    left -= count;
    // Past the page cache, where the file system can.
    const words = [`if=${path}`, 'of=/dev/null', 'bs=1M', `count=${count}`];
    if (spawnSync('dd', [...words, 'iflag=direct']).status !== 0) spawnSync('dd', words);
  }
  return secondsSince(begun);
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000;
}
