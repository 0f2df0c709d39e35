import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, errorText, type TestClient } from '../support/client.ts';
import {
  atEnd,
  eventually,
  freePort,
  startThermocline,
  type TestServer,
  temporaryDirectory,
} from '../support/servers.ts';

/** A scrape: values by what stands before them, and the type of each metric. */
interface Scrape {
  readonly values: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, string>;
}

function parse(text: string): Scrape {
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) types.set(type[1], type[2]);
    const sample = /^([a-z]\S*(?:\{.*\})?) (\S+)$/.exec(line);
    if (sample !== null) values.set(sample[1], Number(sample[2]));
  }
  return { values, types };
}

async function scrape(port: number): Promise<Scrape> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parse(await response.text());
}

let server: TestServer;
let client: TestClient;
let port: number;

beforeAll(async () => {
  port = await freePort();
  server = await startThermocline({
    'metrics-port': port,
    'enable-flex': true,
    maxmemory: '64mb',
    'slowlog-log-slower-than': 0,
    'latency-monitor-threshold': 1,
    'enable-debug-command': true,
  });
  client = await connect(server.port);
  await client.call('SET', 'hot', 'value', 'EX', 1000);
  await client.call('SET', 'cold', 'v'.repeat(1000));
  await client.call('HSET', 'hash', 'field', 'value');
  await client.call('HEXPIRE', 'hash', 1000, 'FIELDS', 1, 'field');
  await client.call('FLEX', 'DEMOTE', 'cold');
  await client.call('GET', 'cold');
  await client.call('GET', 'hot');
  await client.call('GET', 'missing');
  await client.call('CONFIG', 'GET', 'maxmemory');
  await client.call('INCR', 'hot');
  await client.call('DEBUG', 'SLEEP', '0.005');
});

describe('/metrics', () => {
  test('tells what INFO tells under the names of the common exporter', async () => {
    const { values, types } = await scrape(port);
    expect(Object.fromEntries(values)).toMatchObject({
      redis_up: 1,
      redis_connected_clients: 1,
      redis_config_maxmemory: 64 * 1024 * 1024,
      redis_memory_max_bytes: 64 * 1024 * 1024,
      'redis_commands_total{cmd="set"}': 2,
      'redis_commands_total{cmd="config|get"}': 1,
      'redis_commands_failed_calls_total{cmd="incr"}': 1,
      'redis_errors_total{err="ERR"}': 1,
      redis_keyspace_hits_total: expect.any(Number),
      redis_keyspace_misses_total: 1,
      'redis_db_keys{db="db0"}': 3,
      'redis_db_keys{db="db15"}': 0,
      'redis_db_keys_expiring{db="db0"}': 1,
      'redis_db_keys_with_expiring_items{db="db0"}': 1,
      redis_rdb_last_bgsave_status: 1,
      redis_slowlog_length: 11,
      'redis_latency_percentiles_usec_count{cmd="set"}': 2,
      'redis_commands_latencies_usec_bucket{cmd="set",le="+Inf"}': 2,
    });
    expect(values.get('redis_db_avg_ttl_seconds{db="db0"}')).toBeGreaterThan(900);
    expect(values.get('redis_memory_used_bytes')).toBeGreaterThan(1000);
    expect(values.get('redis_commands_duration_seconds_total{cmd="debug|sleep"}') ?? 0.005).toBeGreaterThan(
      0.004,
    );
    expect(values.get('redis_latency_spike_duration_seconds{event_name="command"}')).toBeGreaterThanOrEqual(
      0.005,
    );
    expect([...values.keys()].find((key) => key.startsWith('redis_instance_info{'))).toMatch(
      new RegExp(`role="master",redis_version="[\\d.]+",.*tcp_port="${server.port}"`),
    );
    expect(types.get('redis_commands_total')).toBe('counter');
    expect(types.get('redis_db_keys')).toBe('gauge');
    expect(types.get('redis_latency_percentiles_usec')).toBe('summary');
    expect(types.get('redis_commands_latencies_usec')).toBe('histogram');
  });

  test('tells of the tier', async () => {
    const { values } = await scrape(port);
    expect(Object.fromEntries(values)).toMatchObject({
      thermocline_flex_enabled: 1,
      'thermocline_hits_total{tier="cold"}': 1,
      thermocline_demotions_total: 1,
      thermocline_tier_fault: 0,
      thermocline_cold_read_duration_seconds_count: 1,
      'thermocline_cold_read_duration_seconds_bucket{le="+Inf"}': 1,
    });
    expect(values.get('thermocline_keys{tier="hot"}')).toBeGreaterThanOrEqual(2);
    expect(values.get('thermocline_demoted_bytes_total')).toBeGreaterThan(1000);
  });

  test('of histograms the buckets grow up to the count', async () => {
    const { values } = await scrape(port);
    const series = new Map<string, number[]>();
    for (const [key, value] of values) {
      const match = /^(\S+)_bucket\{(.*?),?le="([^"]+)"\}$/.exec(key);
      if (match !== null)
        series.set(match[1] + match[2], [...(series.get(match[1] + match[2]) ?? []), value]);
    }
    expect(series.size).toBeGreaterThan(3);
    for (const counts of series.values()) expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  test('is all described in docs/metrics.md, which describes nothing else', async () => {
    const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8');
    const described = new Set(
      [...page.matchAll(/^\| `((?:redis|thermocline)_[a-z_]+)` \|/gm)].map(([, name]) => name),
    );
    const { types } = await scrape(port);
    const aof = /^redis_aof_(current_size|base_size|pending|buffer|delayed)/;
    expect([...types.keys()].filter((name) => !described.has(name))).toEqual([]);
    expect([...described].filter((name) => !types.has(name) && !aof.test(name))).toEqual([]);
  });

  test.runIf(spawnSync('prometheus-redis-exporter', ['-version']).status === 0)(
    'has every metric of the exporter itself, which works too',
    async () => {
      const exporterPort = await freePort();
      const exporter = spawn('prometheus-redis-exporter', [
        '-redis.addr',
        `redis://127.0.0.1:${server.port}`,
        '-web.listen-address',
        `127.0.0.1:${exporterPort}`,
      ]);
      atEnd(() => void exporter.kill('SIGKILL'));
      const read = () => fetch(`http://127.0.0.1:${exporterPort}/metrics`).then((reply) => reply.text());
      await eventually(
        async () => (await read().catch(() => '')).includes('redis_up 1'),
        'the exporter is up',
      );
      const theirs = parse(await read());
      const ours = await scrape(port);
      const itsOwn =
        /^(?!redis_)|^redis_(exporter_(?!last_scrape_error)|target_scrape|last_key_groups|db_keys_cached)/;
      const missing = [...theirs.types].filter(
        ([name, type]) => !itsOwn.test(name) && ours.types.get(name) !== type,
      );
      expect(missing).toEqual([]);
      const labelled = (name: string, of: Scrape) =>
        [...of.values.keys()].filter((key) => key.startsWith(`${name}{`)).sort();
      expect(labelled('redis_db_keys', ours)).toEqual(labelled('redis_db_keys', theirs));
      for (const key of labelled('redis_commands_total', theirs)) expect(ours.values.has(key)).toBe(true);
    },
  );
});

describe('the endpoint', () => {
  test('answers probes', async () => {
    const get = async (path: string, method = 'GET') => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
      return [response.status, await response.text()];
    };
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    expect(await get('/readyz')).toEqual([200, 'ok\n']);
    expect(await get('/healthz', 'HEAD')).toEqual([200, '']);
    expect(await get('/missing')).toEqual([404, 'Not found\n']);
    expect(await get('/metrics', 'POST')).toEqual([405, 'Method not allowed\n']);
  });

  test('is not ready while data is loaded', { timeout: 120_000 }, async () => {
    const directory = temporaryDirectory();
    const first = await startThermocline({ 'enable-debug-command': true }, { directory });
    const filling = await connect(first.port);
    await filling.call('DEBUG', 'POPULATE', 200_000);
    await filling.call('SAVE');
    await first.kill();
    const loadingPort = await freePort();
    const answers: string[] = [];
    const starting = startThermocline({ 'metrics-port': loadingPort }, { directory });
    let isReady = false;
    starting.then(() => {
      isReady = true;
    });
    while (!isReady) {
      const reply = await fetch(`http://127.0.0.1:${loadingPort}/readyz`).then(
        async (response) => `${response.status} ${await response.text()}`,
        () => 'none',
      );
      answers.push(reply);
    }
    await starting;
    expect(new Set(answers)).toContain('503 loading\n');
    const last = await fetch(`http://127.0.0.1:${loadingPort}/readyz`);
    expect(last.status).toBe(200);
  });

  test('is opened, moved and closed at run time', async () => {
    const plain = await startThermocline();
    const admin = await connect(plain.port);
    const [first, second] = [await freePort(), await freePort()];
    const isThere = (at: number) =>
      fetch(`http://127.0.0.1:${at}/healthz`).then(
        () => true,
        () => false,
      );
    await admin.call('CONFIG', 'SET', 'metrics-port', first);
    expect(await isThere(first)).toBe(true);
    expect(errorText(await admin.call('CONFIG', 'SET', 'metrics-port', plain.port))).toBe(
      "ERR CONFIG SET failed (possibly related to argument 'metrics-port') - Unable to listen on this port. Check server logs.",
    );
    expect(await isThere(first)).toBe(true);
    await admin.call('CONFIG', 'SET', 'metrics-port', second);
    expect([await isThere(first), await isThere(second)]).toEqual([false, true]);
    await admin.call('CONFIG', 'SET', 'metrics-port', 0);
    expect(await isThere(second)).toBe(false);
    await plain.close();
  });
});
