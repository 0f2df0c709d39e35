import { describe, expect, test } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { connect, encodeCommand } from '../support/client.ts';
import { hasRedis, startRedis, startThermocline } from '../support/servers.ts';
import { bytes, chance, EDGES, expiry, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

const BIT_OFFSETS_BEYOND = ['4294967296', '4294967295000', '-1', '+1', '#1', '1.5', ''];
const OPERATIONS = ['AND', 'OR', 'XOR', 'NOT'];
const OVERFLOWS = ['WRAP', 'SAT', 'FAIL'];
const WIDTHS = [1, 2, 7, 8, 9, 16, 31, 32, 33, 52, 53, 54, 62, 63, 64];
const INT64_EDGES = [
  '9223372036854775807',
  '-9223372036854775808',
  '9007199254740991',
  '-9007199254740992',
  '4294967296',
  '-4294967297',
  '255',
  '-129',
];
/** Numbers that end a range without being refused. */
const POSITIONS = EDGES.filter((edge) => /^(0|-?[1-9]\d*)$/.test(edge)).filter(
  (edge) => BigInt.asIntN(64, BigInt(edge)) === BigInt(edge),
);

function bitOffset(random: Random): Word {
  return chance(random, 94) ? String(random.below(random.below(400) + 1)) : pick(random, BIT_OFFSETS_BEYOND);
}

function position(random: Random): Word {
  if (chance(random, 8)) return pick(random, POSITIONS);
  return String(random.below(60) - 30);
}

function range(random: Random): Word[] {
  const words = [position(random), position(random)];
  if (chance(random, 50)) words.push(pick(random, ['BIT', 'BYTE']));
  return words;
}

function fieldType(random: Random): Word {
  if (chance(random, 3)) return pick(random, ['u64', 'i65', 'i0', 'u', 'x8', '', 'i08', 'I8']);
  const width = chance(random, 50) ? pick(random, WIDTHS) : 1 + random.below(64);
  return width === 64 || chance(random, 50) ? `i${width}` : `u${width}`;
}

function fieldOffset(random: Random): Word {
  if (chance(random, 3))
    return pick(random, [...BIT_OFFSETS_BEYOND, '#-1', '#', '#x', '#9223372036854775807']);
  return chance(random, 30) ? `#${random.below(6)}` : String(random.below(200));
}

function fieldOperand(random: Random): Word {
  if (chance(random, 3)) return number(random);
  if (chance(random, 20)) return pick(random, INT64_EDGES);
  const size = 2n ** BigInt(random.below(63));
  const magnitude = (size * BigInt(random.below(2 ** 30))) >> 29n;
  return String(BigInt.asIntN(64, chance(random, 40) ? -magnitude : magnitude));
}

function fieldOperations(random: Random): Word[] {
  const words: Word[] = [];
  do {
    const kind = random.below(10);
    if (kind < 3) words.push('GET', fieldType(random), fieldOffset(random));
    else if (kind < 5) words.push('OVERFLOW', chance(random, 97) ? pick(random, OVERFLOWS) : 'none');
    else {
      const name = kind < 7 ? 'SET' : 'INCRBY';
      words.push(name, fieldType(random), fieldOffset(random), fieldOperand(random));
    }
  } while (chance(random, 70));
  return words;
}

function gets(random: Random): Word[] {
  const words: Word[] = [];
  while (chance(random, 70)) words.push('GET', fieldType(random), fieldOffset(random));
  return words;
}

function sources(random: Random): Word[] {
  const words: Word[] = [key(random)];
  while (chance(random, 55)) words.push(key(random));
  return words;
}

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => [
    'SETBIT',
    key(random),
    bitOffset(random),
    chance(random, 96) ? pick(random, ['0', '1', '1']) : number(random),
  ],
  (random) => ['SETBIT', key(random), bitOffset(random), pick(random, ['0', '1'])],
  (random) => ['GETBIT', key(random), bitOffset(random)],
  (random) => ['BITCOUNT', key(random)],
  (random) => ['BITCOUNT', key(random), ...range(random)],
  (random) => ['BITPOS', key(random), pick(random, ['0', '1'])],
  (random) => ['BITPOS', key(random), pick(random, ['0', '1', '2']), position(random)],
  (random) => ['BITPOS', key(random), pick(random, ['0', '1']), ...range(random)],
  (random) => ['BITOP', pick(random, OPERATIONS), key(random), ...sources(random)],
  (random) => ['BITOP', 'NOT', key(random), key(random)],
  (random) => ['BITFIELD', key(random), ...fieldOperations(random)],
  (random) => ['BITFIELD', key(random), ...fieldOperations(random)],
  (random) => ['BITFIELD_RO', key(random), ...gets(random)],
  (random) => ['BITFIELD_RO', key(random), ...fieldOperations(random)],
  (random) => ['SET', key(random), value(random)],
  (random) => ['SET', key(random), Buffer.alloc(random.below(300), pick(random, [0, 255]))],
  (random) => ['SET', key(random), bytes(random, 300)],
  (random) => ['SET', key(random), bytes(random, 12), 'PX', expiry(random, false, false)],
  (random) => ['GET', key(random)],
  (random) => ['STRLEN', key(random)],
  (random) => ['OBJECT', 'ENCODING', key(random)],
  (random) => ['PEXPIRETIME', key(random)],
  (random) => ['DEL', key(random)],
];

describe.skipIf(!hasRedis)('bitmap commands reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(pair, (random) => pick(random, COMMANDS)(random), commandCount(40_000));
  });

  test('ranges of a key that exists, well-formed or not', async () => {
    const [ours, theirs] = await Promise.all(
      [await startThermocline(), await startRedis()].map(({ port }) => connect(port)),
    );
    const random = new SeededRandom(5);
    const words = [...EDGES, 'BIT', 'byte', 'bits', '3', '-3', '17'];
    const commands: Word[][] = [['SET', 'a', Buffer.from('00ff80f001ff', 'hex')]];
    for (let made = 0; made < 2000; made++) {
      const command = chance(random, 50)
        ? ['BITCOUNT', 'a']
        : ['BITPOS', 'a', pick(random, ['0', '1', '2', 'x'])];
      while (chance(random, 70)) command.push(pick(random, words));
      // Redis 7.0 answers some ranges before it looks at the unit.
      if (command.length === 5 && command[0] === 'BITCOUNT') command[4] = pick(random, ['bit', 'BYTE']);
      commands.push(command);
    }
    const batch = Buffer.concat(commands.map((command) => encodeCommand(...command)));
    ours.send(batch);
    theirs.send(batch);
    const expected = await theirs.rawReplies(commands.length);
    const told = await ours.rawReplies(commands.length);
    for (let at = 0; at < commands.length; at++) {
      expect([commands[at].join(' '), told[at].toString('latin1')]).toEqual([
        commands[at].join(' '),
        expected[at].toString('latin1'),
      ]);
    }
  });
});
