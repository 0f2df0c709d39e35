import { startInMemory, startRedis } from '../known-servers.ts';
import type { LocalServer } from '../server-process.ts';
import { median, medianRatio } from '../statistics.ts';
import { formatNumber } from '../table.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';

const JOBS = 10_000;
const JOBS_AT_ONCE = 500;
const CONCURRENCY = 50;
const PAIRS = 3;
const RATIO_MAX = 1.3;

/** Wall time in which BullMQ, a development dependency, adds jobs and a worker of this process completes them. */
export const bullmq: Figure = {
  name: 'bullmq',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const jobs = context.quick ? JOBS / 10 : JOBS;
    const redis = await startRedis(context);
    try {
      const thermocline = await startInMemory(context);
      try {
        await secondsOf(redis, jobs / 10);
        await secondsOf(thermocline, jobs / 10);
        const own: number[] = [];
        const other: number[] = [];
        for (let pair = 0; pair < PAIRS; pair++) {
          context.log(`bullmq: pair ${pair + 1}`);
          other.push(await secondsOf(redis, jobs));
          own.push(await secondsOf(thermocline, jobs));
        }
        const ratio = medianRatio(own, other);
        yield {
          what: `BullMQ, wall time of ${formatNumber(jobs)} jobs, concurrency ${CONCURRENCY}`,
          measured: `${formatNumber(median(own))} s = ${formatNumber(ratio)} × redis`,
          redis: `${formatNumber(median(other))} s`,
          goal: `≤ ${RATIO_MAX} × redis`,
          isMet: ratio <= RATIO_MAX,
          numbers: { ratio, thermoclineSeconds: own, redisSeconds: other },
        };
      } finally {
        await thermocline.stop();
      }
    } finally {
      await redis.stop();
    }
  },
};

async function secondsOf(server: LocalServer, jobs: number): Promise<number> {
  const { Queue, Worker } = await import('bullmq');
  const connection = { host: server.address.host, port: server.address.port };
  const name = `jobs-${process.hrtime.bigint()}`;
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  const start = performance.now();
  let completed = 0;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const worker = new Worker(name, async (job) => job.data.number, { connection, concurrency: CONCURRENCY });
  worker.on('completed', () => {
    if (++completed === jobs) finish();
  });
  for (let at = 0; at < jobs; at += JOBS_AT_ONCE) {
    const count = Math.min(JOBS_AT_ONCE, jobs - at);
    await queue.addBulk(
      Array.from({ length: count }, (_, index) => ({ name: 'job', data: { number: at + index } })),
    );
  }
  await finished;
  const seconds = (performance.now() - start) / 1000;
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.close();
  return seconds;
}
