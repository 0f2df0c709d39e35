import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startInMemory, startRedis } from '../known-servers.ts';
import { loadKeys } from '../measurement.ts';
import type { LocalServer } from '../server-process.ts';
import { formatMicroseconds, formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { infoNumber, LONGEST_TICK_US } from './tier-fields.ts';

const KEYS = 20_000_000;
const BURST_US_MAX = 10_000;
const PROBE_PER_SECOND = 50;

/**
 * The longest stretch of main-thread CPU in one tick of the event loop while the keyspace grows, which the server
 * measures itself (from outside, ticks can't be told apart under load), and beside it what another client waits:
 * p99.9 of a separate process that sends a GET now and then in an open loop.
 */
export const growthBurst: Figure = {
  name: 'growth-burst',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const keyCount = context.quick ? KEYS / 20 : KEYS;
    const redisServer = await startRedis(context);
    const redis = await grow(redisServer, keyCount, context).finally(() => redisServer.stop());
    const server = await startInMemory(context);
    try {
      await server.control.command('CONFIG', 'RESETSTAT');
      const probe = await grow(server, keyCount, context);
      const burstUs = await infoNumber(server, LONGEST_TICK_US);
      yield {
        what: `longest main-thread CPU burst in a tick, growing to ${formatNumber(keyCount)} keys of 100 B`,
        measured: formatMicroseconds(burstUs),
        redis: '–',
        goal: `≤ ${formatMicroseconds(BURST_US_MAX)}`,
        isMet: burstUs <= BURST_US_MAX,
        numbers: { burstUs },
      };
      yield {
        what: 'wall time of another client meanwhile, p99.9 (max)',
        measured: `${formatMicroseconds(probe.p999)} (${formatMicroseconds(probe.max)})`,
        redis: `${formatMicroseconds(redis.p999)} (${formatMicroseconds(redis.max)})`,
        goal: '–',
        isMet: null,
        numbers: { p999Us: probe.p999, maxUs: probe.max, redisP999Us: redis.p999, redisMaxUs: redis.max },
      };
    } finally {
      await server.stop();
    }
  },
};

interface ProbeLatency {
  readonly p999: number;
  readonly max: number;
}

/** Loads the keys while a second process, this program's `run`, probes the server until it is interrupted. */
async function grow(server: LocalServer, keyCount: number, context: FigureContext): Promise<ProbeLatency> {
  context.log(`growth-burst: ${server.name}, ${formatNumber(keyCount)} keys`);
  const json = join(server.folder, 'probe.json');
  const words = ['run', '--port', server.address.port, '--clients', 1, '--rate', PROBE_PER_SECOND];
  words.push('--duration', 86_400, '--keys', 1000, '--json', json);
  const probe = spawn(process.execPath, [...process.execArgv, process.argv[1], ...words.map(String)], {
    stdio: 'ignore',
  });
  const ended = once(probe, 'exit');
  try {
    const values = new Values(new SizeDistribution('100'), false);
    await loadKeys(server, { values, keyCount, title: `load ${server.name}` });
  } finally {
    probe.kill('SIGINT');
    await ended;
  }
  return JSON.parse(readFileSync(json, 'utf8')).phases[0].servers[0].medians;
}
