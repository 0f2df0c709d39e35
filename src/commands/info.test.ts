import { describe, expect, test } from 'vitest';
import { createEngine, type TestEngine } from '../../test/support/engine.ts';

function section(engine: TestEngine, name: string): Map<string, string> {
  const text = engine.run('INFO', name).value as string;
  return new Map(
    text
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => line.split(/:(.*)/).slice(0, 2) as [string, string]),
  );
}

describe('INFO latencystats', () => {
  const PERCENTILES = /^p50=[\d.]+,p99=[\d.]+,p99\.9=[\d.]+$/;

  test('has the percentiles of each command that was run', () => {
    const engine = createEngine();
    engine.run('SET', 'a', '1');
    engine.run('CLIENT', 'ID');
    const fields = section(engine, 'latencystats');
    expect(fields.get('latency_percentiles_usec_set')).toMatch(PERCENTILES);
    expect(fields.get('latency_percentiles_usec_client|id')).toMatch(PERCENTILES);
    expect(fields.has('latency_percentiles_usec_get')).toBe(false);
    expect(section(engine, 'default').has('latency_percentiles_usec_set')).toBe(false);
  });

  test('has those that are asked for, none without tracking, and forgets', () => {
    const engine = createEngine();
    engine.run('CONFIG', 'SET', 'latency-tracking-info-percentiles', '0.0 50.0 100.0');
    engine.run('SET', 'a', '1');
    const name = 'latency_percentiles_usec_set';
    expect(section(engine, 'latencystats').get(name)).toMatch(/^p0=[\d.]+,p50=[\d.]+,p100=[\d.]+$/);
    engine.run('CONFIG', 'SET', 'latency-tracking', 'no');
    expect(section(engine, 'latencystats').size).toBe(0);
    engine.run('CONFIG', 'SET', 'latency-tracking', 'yes');
    engine.run('CONFIG', 'RESETSTAT');
    expect(section(engine, 'latencystats').has(name)).toBe(false);
  });
});

describe('INFO errorstats and commandstats', () => {
  test('count an error within a transaction once, for the command that failed', () => {
    const engine = createEngine();
    engine.run('MULTI');
    engine.run('SET', 'a', '1');
    engine.run('AUTH', 'a');
    expect(engine.run('EXEC').raw).toContain('-ERR AUTH');
    expect(section(engine, 'errorstats').get('errorstat_ERR')).toBe('count=1');
    const commands = section(engine, 'commandstats');
    expect(commands.get('cmdstat_auth')).toMatch(/calls=1,.*failed_calls=1$/);
    expect(commands.get('cmdstat_exec')).toMatch(/calls=1,.*failed_calls=0$/);
    engine.run('EXEC');
    expect(section(engine, 'commandstats').get('cmdstat_exec')).toMatch(/calls=2,.*failed_calls=1$/);
    expect(section(engine, 'stats').get('total_error_replies')).toBe('2');
  });

  test.each([
    ["return redis.call('set', 'a', 'b')", 'OOM', 'set', /calls=0,.*rejected_calls=1,failed_calls=0$/, 1],
    ["return redis.pcall('set', 'a', 'b')", 'OOM', 'set', /calls=0,.*rejected_calls=1,failed_calls=0$/, 1],
    ["redis.pcall('set', 'a', 'b') return 1", 'OOM', 'set', /calls=0,.*rejected_calls=1,failed_calls=0$/, 0],
    ["return redis.call('select', 99)", 'ERR', 'select', /calls=1,.*rejected_calls=0,failed_calls=1$/, 1],
    ["return redis.error_reply('MINE x')", 'MINE', 'eval', /calls=1,.*failed_calls=1$/, 1],
  ])('count an error of a script once: %s', (script, code, name, pattern, failures) => {
    const engine = createEngine({ directives: { maxmemory: '1' } });
    engine.run('EVAL', script, 0);
    expect(section(engine, 'errorstats')).toEqual(new Map([[`errorstat_${code}`, 'count=1']]));
    expect(section(engine, 'stats').get('total_error_replies')).toBe('1');
    const commands = section(engine, 'commandstats');
    expect(commands.get(`cmdstat_${name}`)).toMatch(pattern);
    expect(commands.get('cmdstat_eval')).toMatch(new RegExp(`failed_calls=${failures}$`));
  });

  test('count a command that waited, and the error that ended it', () => {
    const engine = createEngine();
    const waiting = engine.connect();
    engine.runAs(waiting, 'BLPOP', 'a', 0);
    expect(section(engine, 'commandstats').has('cmdstat_blpop')).toBe(false);
    engine.run('CLIENT', 'UNBLOCK', waiting.id, 'ERROR');
    const commands = section(engine, 'commandstats');
    expect(commands.get('cmdstat_blpop')).toMatch(/calls=1,.*failed_calls=1$/);
    expect(commands.get('cmdstat_client|unblock')).toMatch(/calls=1,.*failed_calls=0$/);
    expect(section(engine, 'errorstats').get('errorstat_UNBLOCKED')).toBe('count=1');
    engine.runAs(waiting, 'BLPOP', 'a', 0.001);
    engine.clock.advance(10);
    engine.cron();
    expect(section(engine, 'commandstats').get('cmdstat_blpop')).toMatch(/calls=2,.*failed_calls=1$/);
  });
});

test('what a client holds in the tables of the server counts as its memory', () => {
  const engine = createEngine();
  const memoryOf = () => Number(/tot-mem=(\d+)/.exec(engine.run('CLIENT', 'INFO').value as string)?.[1]);
  engine.client.protocol = 3;
  const before = memoryOf();
  for (let at = 0; at < 100; at++) engine.run('WATCH', `key ${at}`);
  const watching = memoryOf();
  expect(watching - before).toBeGreaterThan(100 * 100);
  engine.run('UNWATCH');
  expect(memoryOf()).toBe(before);
  for (let at = 0; at < 100; at++) engine.run('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', `${at} `);
  expect(memoryOf() - before).toBeGreaterThan(100 * 100);
  engine.run('CLIENT', 'TRACKING', 'OFF');
  expect(memoryOf()).toBe(before);
  for (let at = 0; at < 100; at++) engine.run('SUBSCRIBE', `channel ${at}`);
  expect(memoryOf() - before).toBeGreaterThan(100 * 100);
});

test('what is over a lowered maxmemory is evicted without waiting for a command', () => {
  const engine = createEngine({ directives: { 'maxmemory-policy': 'allkeys-random' } });
  for (let at = 0; at < 100; at++) engine.run('SET', `key ${at}`, 'x'.repeat(10_000));
  engine.run('CONFIG', 'SET', 'maxmemory', 1);
  for (let at = 0; at < 20; at++) engine.cron();
  expect(section(engine, 'stats').get('evicted_keys')).toBe('100');
  expect(engine.run('DBSIZE').value).toBe(0);
});
