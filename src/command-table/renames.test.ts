import { describe, expect, test } from 'vitest';
import { createEngine } from '../../test/support/engine.ts';
import type { Setting } from '../config/parse.ts';
import { Arguments } from '../resp/arguments.ts';
import { readRenames } from './renames.ts';
import type { CommandRow } from './row.ts';

const ROWS = [{ name: 'get' }, { name: 'set' }, { name: 'flushall' }] as CommandRow[];

function settings(...lines: string[][]): Setting[] {
  return lines.map((words, at) => ({
    name: 'rename-command',
    words,
    source: 'test.conf',
    line: at + 1,
    text: words.join(' '),
  }));
}

describe('rename-command', () => {
  test('gives commands other names, takes them away, and goes on from there', () => {
    const renames = readRenames(
      settings(['FLUSHALL', ''], ['get', 'FETCH'], ['fetch', 'b'], ['set', 'Get']),
      ROWS,
    );
    expect([...renames]).toEqual([
      ['flushall', ''],
      ['get', 'b'],
      ['set', 'get'],
    ]);
  });

  test.each([
    [['nothing', 'x'], 'No such command in rename-command'],
    [['get', 'set'], 'Target command name already exists'],
    [['get'], 'Bad directive or wrong number of arguments'],
  ])('%j is refused', (words, reason) => {
    expect(() => readRenames(settings(words), ROWS)).toThrow(reason);
  });

  test('decides what clients and scripts call', () => {
    const engine = createEngine({ directives: { 'rename-command config': 'reconfigure' } });
    expect(engine.run('CONFIG', 'GET', 'port').value).toHaveProperty(
      'message',
      "ERR unknown command 'CONFIG', with args beginning with: 'GET' 'port' ",
    );
    expect(engine.run('RECONFIGURE', 'GET', 'port').value).toEqual(['port', '6379']);
    const own = createEngine({ directives: { 'rename-command set': 'put' } });
    expect(own.run('EVAL', "return redis.call('put', 'a', '1')", 0).value).toBe('OK');
    expect(own.run('EVAL', "return redis.pcall('set', 'a', '1')", 0).value).toHaveProperty('message');
    // The log of before names commands as they are.
    const logged = Arguments.of(['SET', 'a', '2'].map((word) => Buffer.from(word)));
    expect(own.pipeline.replay(own.client, logged)).toBeNull();
    expect(own.run('GET', 'a').value).toBe('2');
  });
});
