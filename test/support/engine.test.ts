import { expect, test } from 'vitest';
import { createEngine, RESIDENCIES } from './engine.ts';

test.each(RESIDENCIES)('%s: what a command did is told', (residency) => {
  const engine = createEngine({ residency });
  expect(engine.run('SET', 'a', 'b', 'EX', 10)).toEqual({
    raw: '+OK\r\n',
    value: 'OK',
    propagated: [`SET a b PXAT ${engine.clock.nowMs + 10_000}`],
    events: ['$ set a', 'g expire a'],
  });
  expect(engine.run('GET', 'a')).toMatchObject({
    raw: '$1\r\nb\r\n',
    value: 'b',
    propagated: [],
    events: [],
  });
  engine.clock.advance(10_000);
  expect(engine.run('GET', 'a')).toMatchObject({
    value: null,
    propagated: ['DEL a'],
    events: ['x expired a'],
  });
});

test('keys are where the residency says', () => {
  const shares = RESIDENCIES.map((residency) => {
    const engine = createEngine({ residency });
    for (let at = 0; at < 40; at++) engine.run('SET', `key:${at}`, at);
    const { size, coldCount } = engine.keyspace.databases[0];
    expect(size).toBe(40);
    return coldCount / size;
  });
  expect(shares[0]).toBe(0);
  expect(shares[1]).toBe(1);
  expect(shares[2]).toBeGreaterThan(0.1);
  expect(shares[2]).toBeLessThan(0.9);
});
