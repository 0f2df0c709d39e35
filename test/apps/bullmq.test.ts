import { FlowProducer, type Job, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../support/client.ts';
import { atEnd, eventually, type TestServer } from '../support/servers.ts';
import { expectTierUsed, MODES, startMode } from './modes.ts';

describe.each(MODES)('BullMQ $title', (mode) => {
  let server: TestServer;
  let queue: Queue;
  let events: QueueEvents;
  let queueName: string;
  let queueCount = 0;

  const connection = () => ({ host: '127.0.0.1', port: server.port });

  function work(process: (job: Job) => Promise<unknown>, options = {}, name = queueName): Worker {
    const worker = new Worker(name, process, { connection: connection(), ...options });
    worker.on('error', () => {});
    atEnd(() => worker.close(true));
    return worker;
  }

  beforeAll(async () => {
    server = await startMode(mode);
  });

  beforeEach(async () => {
    queueName = `queue-${++queueCount}`;
    queue = new Queue(queueName, { connection: connection() });
    events = new QueueEvents(queueName, { connection: connection() });
    // Every job that is waited for listens to both.
    queue.setMaxListeners(0);
    events.setMaxListeners(0);
    await events.waitUntilReady();
    atEnd(async () => {
      await queue.close();
      await events.close();
    });
  });

  afterAll(() => expectTierUsed(mode, server));

  test('runs jobs, several at once, and gives back what they return', async () => {
    work(async (job) => job.data.value * 2, { concurrency: 10 });
    const jobs = await queue.addBulk(
      Array.from({ length: 300 }, (_, value) => ({ name: 'double', data: { value } })),
    );
    const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events)));
    expect(results).toEqual(Array.from({ length: 300 }, (_, value) => value * 2));
    expect(await queue.getJobCounts('completed', 'failed', 'wait', 'active')).toEqual({
      completed: 300,
      failed: 0,
      wait: 0,
      active: 0,
    });
    const [newest] = await queue.getCompleted(0, 0);
    expect(newest.returnvalue).toBe(newest.data.value * 2);
  });

  test('keeps priorities and the order within one', async () => {
    const order: string[] = [];
    await queue.pause();
    for (const [name, priority] of [
      ['third', 30],
      ['first', 1],
      ['second', 2],
      ['second too', 2],
      ['before all', 0],
    ] as const)
      await queue.add(name, {}, priority === 0 ? {} : { priority });
    expect(await queue.getPrioritized()).toHaveLength(4);
    const worker = work(async (job) => {
      order.push(job.name);
    });
    await queue.resume();
    await eventually(() => order.length === 5, 'all jobs have run');
    expect(order).toEqual(['before all', 'first', 'second', 'second too', 'third']);
    await worker.close();
  });

  test('runs a delayed job not before its time', async () => {
    const added = Date.now();
    const job = await queue.add('later', {}, { delay: 300 });
    expect(await job.getState()).toBe('delayed');
    work(async () => Date.now());
    expect(await job.waitUntilFinished(events)).toBeGreaterThanOrEqual(added + 300);
    const promoted = await queue.add('at once', {}, { delay: 1_000_000 });
    await promoted.promote();
    await promoted.waitUntilFinished(events);
    expect(await queue.getDelayedCount()).toBe(0);
  });

  test('tries again after a failure, with a pause that grows, and gives up', async () => {
    const attempts: number[] = [];
    work(async (job) => {
      attempts.push(job.attemptsMade);
      if (job.attemptsMade < 2 || job.name === 'hopeless') throw new Error(`attempt ${job.attemptsMade}`);
      if (job.name === 'broken') throw new UnrecoverableError('no use');
      return 'done';
    });
    const options = { attempts: 3, backoff: { type: 'exponential', delay: 10 } };
    const job = await queue.add('flaky', {}, options);
    expect(await job.waitUntilFinished(events)).toBe('done');
    expect(attempts).toEqual([0, 1, 2]);
    const hopeless = await queue.add('hopeless', {}, options);
    await expect(hopeless.waitUntilFinished(events)).rejects.toThrow('attempt 2');
    const [failed] = await queue.getFailed();
    expect(failed.failedReason).toBe('attempt 2');
    expect(failed.stacktrace).toHaveLength(3);
    await failed.retry();
    await eventually(async () => (await queue.getJob(failed.id!))?.attemptsMade === 4, 'it was retried');
  });

  test('runs a parent after its children', async () => {
    const done: string[] = [];
    work(async (job) => {
      done.push(job.name);
      if (job.name.startsWith('parent')) return Object.values(await job.getChildrenValues()).sort();
      return job.name;
    });
    const flows = new FlowProducer({ connection: connection() });
    atEnd(() => flows.close());
    const { job } = await flows.add({
      name: 'parent',
      queueName,
      children: [
        { name: 'child 1', queueName, children: [{ name: 'grandchild', queueName }] },
        { name: 'child 2', queueName },
      ],
    });
    expect(await job.waitUntilFinished(events)).toEqual(['child 1', 'child 2']);
    expect(done.indexOf('grandchild')).toBeLessThan(done.indexOf('child 1'));
    expect(done.at(-1)).toBe('parent');
    const tree = await flows.getFlow({ id: job.id!, queueName });
    expect(tree.children?.map((child) => child.job.name).sort()).toEqual(['child 1', 'child 2']);
  });

  test('holds a rate limit', async () => {
    const start = Date.now();
    work(async () => Date.now(), { limiter: { max: 2, duration: 400 }, concurrency: 5 });
    const jobs = await queue.addBulk(
      Array.from({ length: 5 }, (_, index) => ({ name: `${index}`, data: {} })),
    );
    const times = await Promise.all(jobs.map((job) => job.waitUntilFinished(events)));
    // The fifth job is the first of a third period.
    expect(Math.max(...times) - start).toBeGreaterThanOrEqual(795);
  });

  test('repeats jobs by a scheduler', async () => {
    const names: string[] = [];
    work(async (job) => {
      names.push(job.name);
    });
    await queue.upsertJobScheduler('often', { every: 50 }, { name: 'tick' });
    await queue.upsertJobScheduler('nightly', { pattern: '0 3 * * *', tz: 'Etc/UTC' }, { name: 'night' });
    await eventually(() => names.length >= 3, 'it has run three times');
    expect(new Set(names)).toEqual(new Set(['tick']));
    const schedulers = await queue.getJobSchedulers();
    expect(schedulers.map((scheduler) => scheduler.key).sort()).toEqual(['nightly', 'often']);
    expect(await queue.removeJobScheduler('often')).toBe(true);
    expect(await queue.removeJobScheduler('nightly')).toBe(true);
    expect(await queue.getJobSchedulersCount()).toBe(0);
  });

  test('tells of progress, logs and removal by events', async () => {
    const seen: string[] = [];
    events.on('progress', ({ data }) => seen.push(`progress ${data}`));
    events.on('active', () => seen.push('active'));
    events.on('completed', ({ returnvalue }) => seen.push(`completed ${returnvalue}`));
    events.on('drained', () => seen.push('drained'));
    events.on('removed', () => seen.push('removed'));
    work(async (job) => {
      await job.updateProgress(50);
      await job.log('half of it');
      return 'all';
    });
    const job = await queue.add('job', {});
    await job.waitUntilFinished(events);
    expect((await queue.getJobLogs(job.id!)).logs).toEqual(['half of it']);
    await job.remove();
    await eventually(() => seen.includes('removed'), 'its removal is told');
    expect(seen.filter((event) => event !== 'drained')).toEqual([
      'active',
      'progress 50',
      'completed all',
      'removed',
    ]);
  });

  test('takes up a job whose worker has died', async () => {
    const crashed = work(() => new Promise(() => {}), { lockDuration: 200, stalledInterval: 200 });
    const job = await queue.add('job', {});
    await eventually(() => job.isActive(), 'the first worker has it');
    await crashed.close(true);
    work(async () => 'second', { lockDuration: 200, stalledInterval: 200 });
    expect(await job.waitUntilFinished(events)).toBe('second');
  });

  test('does a job once for a deduplication id, and cleans up', async () => {
    const first = await queue.add('a', { n: 1 }, { deduplication: { id: 'same' } });
    const second = await queue.add('b', { n: 2 }, { deduplication: { id: 'same' } });
    expect(second.id).toBe(first.id);
    expect(await queue.getWaitingCount()).toBe(1);
    await queue.drain();
    expect(await queue.count()).toBe(0);
    await queue.obliterate({ force: true });
    const client = await connect(server.port);
    const keys = (await client.call('KEYS', `bull:${queueName}:*`)) as string[];
    expect(keys.filter((key) => !/:(meta|de:same)$/.test(key))).toEqual([]);
  });
});
