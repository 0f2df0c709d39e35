import { describe, expect, test } from 'vitest';
import { createEngine } from '../../test/support/engine.ts';
import { type CommandRow, KEY_FLAGS } from '../command-table/row.ts';
import { COMMANDS } from './all.ts';

/** A reply's lines without the lengths of bulk strings. */
function linesOf(raw: string): string {
  return raw
    .replace(/\$\d+\r\n/g, '')
    .replaceAll('\r\n', ' ')
    .trimEnd();
}

const READ_KEY = 'begin_search %2 type index spec %1 index :1 find_keys %2 type range spec %3';
const UNKNOWN_SUBCOMMAND = "-ERR unknown subcommand 'nosuch'. Try COMMAND HELP.";

/** What redis-server 7.0.15 replies, in RESP3; the documentation's texts are Thermocline's. */
const REPLIES: readonly [command: string, reply: string][] = [
  [
    'COMMAND INFO get',
    `*1 *10 get :2 ~2 +readonly +fast :1 :1 :1 ~3 +@read +@string +@fast ~0 ~1 %3 flags ~2 +RO +access ${READ_KEY} lastkey :0 keystep :1 limit :0 ~0`,
  ],
  [
    'COMMAND INFO SET',
    `*1 *10 set :-3 ~2 +write +denyoom :1 :1 :1 ~3 +@write +@string +@slow ~0 ~1 %4 notes RW and ACCESS due to the optional \`GET\` argument flags ~4 +RW +access +update +variable_flags ${READ_KEY} lastkey :0 keystep :1 limit :0 ~0`,
  ],
  [
    'COMMAND INFO mset',
    `*1 *10 mset :-3 ~2 +write +denyoom :1 :-1 :2 ~3 +@write +@string +@slow ~2 request_policy:multi_shard response_policy:all_succeeded ~1 %3 flags ~2 +OW +update ${READ_KEY} lastkey :-1 keystep :2 limit :0 ~0`,
  ],
  [
    'COMMAND INFO msetex',
    '*1 *10 msetex :-4 ~3 +write +denyoom +movablekeys :0 :0 :0 ~3 +@write +@string +@slow ~2 request_policy:multi_shard response_policy:all_succeeded ~1 %3 flags ~2 +OW +update begin_search %2 type index spec %1 index :1 find_keys %2 type keynum spec %3 keynumidx :0 firstkey :1 keystep :2 ~0',
  ],
  [
    'COMMAND INFO CONFIG|get nosuch config|get|x config| |get',
    '*5 *10 config|get :-3 ~4 +admin +noscript +loading +stale :0 :0 :0 ~3 +@admin +@slow +@dangerous ~0 ~0 ~0 _ _ _ _',
  ],
  [
    'COMMAND DOCS getset nosuch',
    '%1 getset %8 summary Returns the previous string value of a key after setting it to a new value. since 1.0.0 group string complexity O(1) doc_flags ~1 +deprecated deprecated_since 6.2.0 replaced_by `SET` with the `!GET` argument arguments *2 %3 name key type key key_spec_index :0 %2 name value type string',
  ],
  [
    'COMMAND DOCS expire',
    '%1 expire %6 summary Sets the expiry of a key in seconds. since 1.0.0 group generic complexity O(1) history ~1 *2 7.0.0 Added the `NX`, `XX`, `GT` and `LT` options. arguments *3 %3 name key type key key_spec_index :0 %2 name seconds type integer %5 name condition type oneof since 7.0.0 flags ~1 +optional arguments *4 %3 name nx type pure-token token NX %3 name xx type pure-token token XX %3 name gt type pure-token token GT %3 name lt type pure-token token LT',
  ],
  ['COMMAND DOCS nosuch', '%0'],
  ['COMMAND COUNT x', "-ERR wrong number of arguments for 'command|count' command"],
  ['COMMAND nosuch', UNKNOWN_SUBCOMMAND],
  ['COMMAND nosuch get', UNKNOWN_SUBCOMMAND],
  ['COMMAND LIST x', '-ERR syntax error'],
  ['COMMAND LIST FILTERBY PATTERN', '-ERR syntax error'],
  ['COMMAND LIST FILTERBY NAME get', '-ERR syntax error'],
  ['COMMAND LIST FILTERBY PATTERN get x', '-ERR syntax error'],
  ['COMMAND LIST FILTERBY MODULE get', '*0'],
  ['COMMAND LIST FILTERBY ACLCAT nosuch', '*0'],
  ['COMMAND LIST filterby aclcat TRANSACTION', '*5 discard exec multi unwatch watch'],
  ['COMMAND LIST filterby pattern CONFIG|re*', '*2 config|resetstat config|rewrite'],
  ['COMMAND GETKEYS GET a', '*1 a'],
  ['COMMAND GETKEYS mset a 1 b 2', '*2 a b'],
  ['COMMAND GETKEYS mset a 1 b', '*2 a b'],
  ['COMMAND GETKEYS msetex 2 a 1 b 2 ex 5', '*2 a b'],
  ['COMMAND GETKEYS object freq a', '*1 a'],
  ['COMMAND GETKEYS get', "-ERR wrong number of arguments for 'command|getkeys' command"],
  ['COMMAND GETKEYS get a b', '-ERR Invalid number of arguments specified for command'],
  ['COMMAND GETKEYS nosuch a', '-ERR Invalid command specified'],
  ['COMMAND GETKEYS object nosuch a', '-ERR Invalid command specified'],
  ['COMMAND GETKEYS command nosuch', '-ERR Invalid command specified'],
  ['COMMAND GETKEYS config|get a', '-ERR Invalid command specified'],
  ['COMMAND GETKEYS config get a', '-ERR The command has no key arguments'],
  ['COMMAND GETKEYS select 1', '-ERR The command has no key arguments'],
  ['COMMAND GETKEYS msetex 3 a 1 b 2', '-ERR Invalid arguments specified for command'],
  ['COMMAND GETKEYS msetex x a 1', '-ERR Invalid arguments specified for command'],
  ['COMMAND GETKEYS msetex 0 a 1', '-ERR Invalid arguments specified for command'],
  ['COMMAND GETKEYSANDFLAGS rename a b', '*2 *2 a ~3 +RW +access +delete *2 b ~2 +OW +update'],
  ['COMMAND GETKEYSANDFLAGS set a b', '*1 *2 a ~2 +OW +update'],
  ['COMMAND GETKEYSANDFLAGS set a b ex GET', '*1 *2 a ~3 +RW +access +update'],
  ['COMMAND GETKEYSANDFLAGS set a b ifeq c', '*1 *2 a ~2 +RW +update'],
];

test.each(REPLIES)('%s', (command, reply) => {
  const engine = createEngine();
  engine.run('HELLO', 3);
  expect(linesOf(engine.run(...command.split(' ')).raw)).toBe(reply);
});

test('RESP2 has arrays in place of maps and sets', () => {
  const engine = createEngine();
  expect(linesOf(engine.run('COMMAND', 'INFO', 'get', 'nosuch').raw)).toBe(
    '*2 *10 get :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@string +@fast *0 *1 *6 flags *2 +RO +access begin_search *4 type index spec *2 index :1 find_keys *4 type range spec *6 lastkey :0 keystep :1 limit :0 *0 $-1',
  );
  expect(linesOf(engine.run('COMMAND', 'DOCS', 'get').raw)).toBe(
    '*2 get *10 summary Returns the string value of a key. since 1.0.0 group string complexity O(1) arguments *1 *6 name key type key key_spec_index :0',
  );
});

test('COMMAND tells of all commands, and a container of its subcommands', () => {
  const engine = createEngine();
  const all = engine.run('COMMAND').value as unknown[][];
  expect(all).toHaveLength(COMMANDS.length);
  expect(engine.run('COMMAND', 'INFO').value).toEqual(all);
  expect(engine.run('COMMAND', 'COUNT').value).toBe(COMMANDS.length);
  const object = all.find(([name]) => name === 'object') as unknown[];
  expect((object[9] as unknown[][]).map(([name]) => name)).toEqual([
    'object|encoding',
    'object|freq',
    'object|help',
    'object|idletime',
    'object|refcount',
  ]);
  engine.run('HELLO', 3);
  const docs = engine.run('COMMAND', 'DOCS').value as Map<string, Map<string, Map<string, unknown>>>;
  expect([...docs.keys()]).toEqual(all.map(([name]) => name));
  expect([...(docs.get('object')?.get('subcommands')?.keys() ?? [])]).toHaveLength(5);
  const names = engine.run('COMMAND', 'LIST').value as string[];
  expect(names.slice(names.indexOf('object'), names.indexOf('object') + 2)).toEqual([
    'object',
    'object|encoding',
  ]);
});

function* allRows(rows: readonly CommandRow[]): Generator<CommandRow> {
  for (const row of rows) {
    yield row;
    yield* allRows(row.subcommands ?? []);
  }
}

describe('every row', () => {
  test('names a command once', () => {
    const names = COMMANDS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('documents keys that its specifications find', () => {
    for (const row of allRows(COMMANDS)) {
      const documented = JSON.stringify(row.arguments ?? []).match(/(?<="keySpec":)\d+/g) ?? [];
      // Shard channels are found as keys are, and documented as plain strings.
      const keys = [...row.keys.keys()].filter((at) => !row.keys[at].flags.includes('not_key'));
      expect(new Set(documented.map(Number)), row.name).toEqual(new Set(keys));
    }
  });

  test('says how its keys are accessed', () => {
    for (const row of allRows(COMMANDS)) {
      for (const { flags, flagsOf } of row.keys) {
        if (flags.includes('not_key')) continue;
        expect(
          flags.filter((flag) => KEY_FLAGS.indexOf(flag) < 4),
          row.name,
        ).toHaveLength(1);
        expect(flags.includes('variable_flags'), row.name).toBe(flagsOf !== undefined);
      }
    }
  });
});
