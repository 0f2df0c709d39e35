import { describe, expect, test } from 'vitest';
import { createEngine, type TestEngine } from '../../test/support/engine.ts';
import { KeyWalk } from './dashboard-keys.ts';

const nameOf = ({ name }: { readonly name: Uint8Array }) => Buffer.from(name).toString();

/** A clock that goes on by so much each time it is asked. */
function walkOf({ keyspace, clock }: TestEngine, microseconds = 0): KeyWalk {
  let nowUs = 0;
  return new KeyWalk(keyspace, {
    wallMs: () => clock.wallMs(),
    monotonicUs: () => {
      nowUs += microseconds;
      return nowUs;
    },
  });
}

describe('the walk over the keys', () => {
  test('takes as many steps as its time allows, and begins anew', () => {
    const server = createEngine();
    for (let at = 0; at < 5000; at++) server.run('SET', `key:${at}`, at);
    const walk = walkOf(server, 600);
    walk.step();
    const seen = walk.keysSeen;
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThan(200);
    expect(walk.share).toBeLessThan(0.1);
    while (walk.share < 1) walk.step();
    expect(walk.keysSeen).toBe(5000);
    walk.step();
    expect(walk.keysSeen).toBeLessThan(200);
  });

  test('finds the largest keys by what their elements take, and forgets those that are gone', () => {
    const server = createEngine();
    for (let at = 0; at < 100; at++) server.run('SET', `key:${at}`, 'v'.repeat(100 + at));
    for (let at = 0; at < 2000; at++) server.run('RPUSH', 'list', `an element, the number ${at}`);
    server.run('SELECT', 1);
    server.run('SET', 'string', 'v'.repeat(10_000));
    const walk = walkOf(server);
    walk.step();
    const [first, second, ...others] = walk.largest();
    expect(first).toMatchObject({ database: 0, type: 'list', isHot: true });
    expect(first.bytes).toBeGreaterThan(50_000);
    expect(second).toMatchObject({ database: 1, type: 'string' });
    expect(second.bytes).toBeGreaterThanOrEqual(10_000);
    expect(others.map(nameOf)).toEqual([99, 98, 97, 96, 95, 94, 93, 92].map((at) => `key:${at}`));
    server.run('DEL', 'string');
    walk.step();
    expect(walk.largest().map(nameOf)).toEqual([
      'list',
      ...[99, 98, 97, 96, 95, 94, 93, 92, 91].map((at) => `key:${at}`),
    ]);
  });

  test('tells that a large key was demoted, and reads nothing from the SSD', () => {
    const server = createEngine({ residency: 'demoted', directives: { maxmemory: '64mb' } });
    server.run('SET', 'large', 'v'.repeat(10_000));
    const walk = walkOf(server);
    walk.step();
    expect(walk.largest()).toEqual([]);
    const [database] = server.keyspace.databases;
    database.peekRaw(Buffer.from('large'), 0, 5);
    database.promote();
    walk.step();
    expect(walk.largest().map(({ isHot }) => isHot)).toEqual([true]);
    server.run('PING');
    const coldReads = server.tier?.coldReads;
    walk.step();
    walk.hottest();
    expect(walk.largest().map(({ isHot }) => isHot)).toEqual([false]);
    expect(server.tier?.coldReads).toBe(coldReads);
  });

  test('finds the hot keys by the seconds in which they are used', () => {
    const server = createEngine();
    for (let at = 0; at < 1000; at++) server.run('SET', `key:${at}`, 'value');
    const advance = (milliseconds: number) => {
      server.clock.advance(milliseconds);
      server.keyspace.nowMs = server.clock.wallMs();
    };
    advance(60_000);
    const walk = walkOf(server);
    for (let second = 0; second < 20; second++) {
      advance(1000);
      server.run('GET', 'key:7');
      if (second % 2 === 0) server.run('GET', 'key:3');
      advance(999);
      walk.step();
      walk.hottest();
      advance(1);
    }
    const [first, second, ...others] = walk.hottest();
    expect([first, second].map(nameOf)).toEqual(['key:7', 'key:3']);
    expect(first.score).toBeGreaterThan(second.score);
    expect(others).toEqual([]);
  });

  test('finds them by Redis’s counter under an LFU policy', () => {
    const server = createEngine({ directives: { 'maxmemory-policy': 'allkeys-lfu', maxmemory: '100mb' } });
    for (let at = 0; at < 1000; at++) server.run('SET', `key:${at}`, 'value');
    for (let at = 0; at < 3000; at++) server.run('GET', 'key:7');
    for (let at = 0; at < 200; at++) server.run('GET', 'key:3');
    const walk = walkOf(server);
    for (let step = 0; step < 30; step++) {
      walk.step();
      walk.hottest();
    }
    const [first, second] = walk.hottest();
    expect([first, second].map(nameOf)).toEqual(['key:7', 'key:3']);
    expect(first.score).toBe(Number(server.run('OBJECT', 'FREQ', 'key:7').value));
  });
});
