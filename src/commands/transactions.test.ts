import { describe, expect, test } from 'vitest';
import { createEngine, RESIDENCIES, type TestEngine } from '../../test/support/engine.ts';

/** An engine in which expired keys stay until somebody looks at them. */
function withStaleKeys(residency: (typeof RESIDENCIES)[number]): TestEngine {
  const engine = createEngine({ directives: { 'enable-debug-command': 'yes' }, residency });
  engine.run('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
  return engine;
}

/** Whether a transaction that another client has watched `x` for runs after these commands. */
function holds(engine: TestEngine, database: number, ...commands: string[][]): boolean {
  const watcher = engine.connect();
  engine.runAs(watcher, 'SELECT', database);
  engine.runAs(watcher, 'WATCH', 'x');
  for (const command of commands) engine.run(...(command as [string]));
  engine.runAs(watcher, 'MULTI');
  engine.runAs(watcher, 'PING');
  return engine.runAs(watcher, 'EXEC').value !== null;
}

/** Leaves a key `x` in a database that has expired and is still there. */
function leaveStale(engine: TestEngine, database: number): void {
  engine.run('SELECT', database);
  engine.run('SET', 'x', 'old', 'PX', 1);
  engine.run('SELECT', 0);
  engine.clock.advance(2);
}

describe.each(RESIDENCIES)('a watch of a key that has expired already (%s)', (residency) => {
  test('holds when the database is emptied', () => {
    const engine = withStaleKeys(residency);
    leaveStale(engine, 0);
    expect(holds(engine, 0, ['FLUSHDB'])).toBe(true);
    leaveStale(engine, 0);
    expect(holds(engine, 0, ['FLUSHDB'], ['SET', 'x', 'new'])).toBe(false);
  });

  test('holds when the database is exchanged for one without the key, or with one that has expired too', () => {
    const engine = withStaleKeys(residency);
    leaveStale(engine, 1);
    expect(holds(engine, 1, ['SWAPDB', '0', '1'])).toBe(true);
    engine.run('FLUSHALL');
    leaveStale(engine, 1);
    leaveStale(engine, 0);
    expect(holds(engine, 1, ['SWAPDB', '0', '1'])).toBe(true);
  });

  test('is broken when the database is exchanged for one with the key', () => {
    const engine = withStaleKeys(residency);
    leaveStale(engine, 1);
    engine.run('SET', 'x', 'new');
    expect(holds(engine, 1, ['SWAPDB', '0', '1'])).toBe(false);
  });

  test('holds when it was missing and comes with its database', () => {
    const engine = withStaleKeys(residency);
    leaveStale(engine, 0);
    expect(holds(engine, 1, ['SWAPDB', '0', '1'])).toBe(true);
  });
});
