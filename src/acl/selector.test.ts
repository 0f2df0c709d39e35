import { describe, expect, test } from 'vitest';
import { CommandTable } from '../command-table/command.ts';
import type { CommandRow, KeySpec } from '../command-table/row.ts';
import { Arguments } from '../resp/arguments.ts';
import { Categories } from './categories.ts';
import { CommandUse } from './command-use.ts';
import { Selector } from './selector.ts';

const BASE: CommandRow = {
  name: '',
  summary: '',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: -1,
  flags: [],
  categories: [],
  keys: [],
  need: 'none',
  execute: () => {},
};

function keyAt(index: number, ...flags: KeySpec['flags']): KeySpec {
  return { flags, begin: { index }, find: { last: 0, step: 1, limit: 0 } };
}

const table = new CommandTable([
  {
    ...BASE,
    name: 'get',
    flags: ['readonly', 'fast'],
    categories: ['string'],
    keys: [keyAt(1, 'RO', 'access')],
  },
  { ...BASE, name: 'set', flags: ['write'], categories: ['string'], keys: [keyAt(1, 'OW', 'update')] },
  {
    ...BASE,
    name: 'getset',
    flags: ['write'],
    categories: ['string'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
  },
  {
    ...BASE,
    name: 'copy',
    flags: ['write'],
    categories: ['keyspace'],
    keys: [keyAt(1, 'RO', 'access'), keyAt(2, 'OW', 'update')],
  },
  { ...BASE, name: 'exists', flags: ['readonly'], categories: ['keyspace'], keys: [keyAt(1, 'RO')] },
  { ...BASE, name: 'select', categories: ['connection'] },
  { ...BASE, name: 'auth', flags: ['no_auth'], categories: ['connection'] },
  { ...BASE, name: 'publish', flags: ['pubsub'] },
  { ...BASE, name: 'subscribe', flags: ['pubsub'] },
  { ...BASE, name: 'psubscribe', flags: ['pubsub'] },
  { ...BASE, name: 'unsubscribe', flags: ['pubsub'] },
  {
    ...BASE,
    name: 'config',
    subcommands: [
      { ...BASE, name: 'get', flags: ['admin'] },
      { ...BASE, name: 'set', flags: ['admin'] },
      { ...BASE, name: 'help' },
    ],
  },
]);
const categories = new Categories(table);
const use = new CommandUse();

function selector(rules: string): Selector {
  const made = new Selector(categories, false);
  for (const rule of rules.split(' ').filter((word) => word !== ''))
    expect([rule, made.apply(rule)]).toEqual([rule, undefined]);
  return made;
}

function check(made: Selector, line: string): string {
  const words = Arguments.of(line.split(' ').map((word) => Buffer.from(word)));
  const command = table.resolve(words);
  if (command === null) throw new Error(`no command in ${line}`);
  const denial = made.check(use.of(command, words));
  return denial === null || denial === 'command' ? `${denial}` : `${denial} ${words.text(use.deniedAt)}`;
}

describe('rules are kept in the order in which they were given', () => {
  test.each([
    ['', 'resetchannels -@all'],
    ['+@all ~* &*', '~* &* +@all'],
    ['allcommands allkeys allchannels', '~* &* +@all'],
    ['+get +@string -set', 'resetchannels -@all +get +@string -set'],
    ['-get +GET', 'resetchannels -@all +get'],
    ['+@STRING +get -@string', 'resetchannels -@all +get -@string'],
    ['+config|get +config|set -config', 'resetchannels -@all -config'],
    ['+config -config|set', 'resetchannels -@all +config -config|set'],
    ['+select|0 +SELECT|1', 'resetchannels -@all +select|0 +select|1'],
    ['+select|0 +select', 'resetchannels -@all +select'],
    ['+get nocommands +set', 'resetchannels -@all +set'],
    ['+@all -get', 'resetchannels +@all -get'],
    ['~a ~b ~a', '~a ~b resetchannels -@all'],
    ['%R~a %W~b %rw~c %WR~d', '%R~a %W~b ~c ~d resetchannels -@all'],
    ['%R~a %W~a', '~a resetchannels -@all'],
    ['~a resetkeys %R~*', '%R~* resetchannels -@all'],
    ['&a &b &a', 'resetchannels &a &b -@all'],
    ['&a allchannels', '&* -@all'],
  ])('%j', (rules, described) => {
    const made = selector(rules);
    expect(made.describe()).toBe(described);
    expect(selector(described).describe()).toBe(described);
    expect(made.clone().describe()).toBe(described);
  });
});

describe('rules that are refused', () => {
  test.each([
    ['nosuch', 'Syntax error'],
    ['+nosuch', 'Unknown command or category name in ACL'],
    ['-nosuch', 'Unknown command or category name in ACL'],
    ['+', 'Unknown command or category name in ACL'],
    ['+@nosuch', 'Unknown command or category name in ACL'],
    ['+config|nosuch', 'Unknown command or category name in ACL'],
    ['-config|nosuch', 'Unknown command or category name in ACL'],
    ['-select|0', 'Unknown command or category name in ACL'],
    ['+nosuch|get', 'Unknown command or category name in ACL'],
    ['+config|', 'Syntax error'],
    ['+config|get|x', 'Allowing first-arg of a subcommand is not supported'],
    ['%~a', 'Syntax error'],
    ['%', 'Syntax error'],
    ['%RR~a', 'Syntax error'],
    ['%X~a', 'Syntax error'],
    ['~a b', 'Syntax error'],
    ['~a\0', 'Syntax error'],
    ['&a\tb', 'Syntax error'],
  ])('%j: %s', (rule, reason) => {
    const made = selector('');
    expect(made.apply(rule)).toBe(reason);
    expect(made.describe()).toBe('resetchannels -@all');
  });

  test('a pattern after the one for all', () => {
    expect(selector('~*').apply('~a')).toMatch(
      /^Adding a pattern after the \* pattern \(or the 'allkeys' flag\)/,
    );
    expect(selector('&*').apply('&a')).toMatch(/^Adding a pattern after the \* .*'allchannels' flag/);
  });
});

describe('checks', () => {
  test.each([
    ['+get ~*', 'get a', 'null'],
    ['+get ~*', 'set a 1', 'command'],
    ['+@all -@string ~*', 'get a', 'command'],
    ['+@all -@string ~*', 'copy a b', 'null'],
    ['', 'auth x', 'null'],
    ['+config', 'config get x', 'null'],
    ['+config -config|set', 'config set x', 'command'],
    ['-config +config|set', 'config set x', 'null'],
    ['-config +config|set', 'config get x', 'command'],
    ['+@admin', 'config set x', 'null'],
    ['+@admin', 'config help', 'command'],
    ['+select|0 +select|1x', 'select 0', 'null'],
    ['+select|0 +select|1X', 'select 1x', 'null'],
    ['+select|0', 'select 1', 'command'],
    ['+select|0', 'select', 'command'],
    ['+@all ~a*', 'get abc', 'null'],
    ['+@all ~a*', 'get b', 'key b'],
    ['+@all', 'get b', 'key b'],
    ['+@all ~a ~b', 'copy a b', 'null'],
    ['+@all ~a', 'copy a b', 'key b'],
    ['+@all %R~a %W~b', 'copy a b', 'null'],
    ['+@all %R~a %W~b', 'copy b a', 'key b'],
    ['+@all %R~a', 'get a', 'null'],
    ['+@all %R~a', 'set a 1', 'key a'],
    ['+@all %W~a', 'set a 1', 'null'],
    ['+@all %W~a', 'getset a 1', 'key a'],
    ['+@all %R~a', 'getset a 1', 'key a'],
    ['+@all %R~x* %W~*x', 'getset xx 1', 'key xx'],
    ['+@all %W~a', 'exists a', 'null'],
    ['+@all %W~a', 'exists b', 'key b'],
    ['+@all', 'publish c x', 'channel c'],
    ['+@all &c*', 'publish cc x', 'null'],
    ['+@all &c*', 'subscribe c1 d', 'channel d'],
    ['+@all &c*', 'psubscribe c1', 'channel c1'],
    ['+@all &c*', 'psubscribe c*', 'null'],
    ['+@all &c*', 'psubscribe c* *', 'channel *'],
    ['+@all &*', 'psubscribe *', 'null'],
    ['+@all &c', 'unsubscribe d', 'null'],
  ])('%j: %s -> %s', (rules, line, expected) => {
    expect(check(selector(rules), line)).toBe(expected);
  });

  test('a clone is changed by itself', () => {
    const first = selector('+select|0 ~a &a +get');
    const second = first.clone();
    for (const rule of ['+select|1', '%R~b', '&b', '-get']) second.apply(rule);
    expect(first.describe()).toBe('~a resetchannels &a -@all +select|0 +get');
    expect(check(first, 'select 1')).toBe('command');
    expect(check(first, 'get a')).toBe('null');
    expect(check(second, 'get a')).toBe('command');
  });

  test('tells whether everything is allowed, and whether all keys may be read', () => {
    expect(selector('+@all ~* &*').isUnrestricted).toBe(true);
    expect(selector('+@all ~* &* -get').isUnrestricted).toBe(false);
    expect(selector('+@all ~* &* -get +get').isUnrestricted).toBe(false);
    expect(selector('+@all ~*').isUnrestricted).toBe(false);
    expect(selector('~*').allowsReadingAllKeys).toBe(true);
    expect(selector('%R~*').allowsReadingAllKeys).toBe(true);
    expect(selector('%W~*').allowsReadingAllKeys).toBe(false);
    expect(selector('%R~a').allowsReadingAllKeys).toBe(false);
  });
});
