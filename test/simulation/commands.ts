import type { Random } from '../../src/base/random.ts';

export const DATABASE_COUNT = 3;
const KEY_COUNT = 200;
const VALUE_BYTES_MAX = 40_000;
/** Commands that the server may refuse for want of memory. */
export const DENIED_WITHOUT_MEMORY = new Set('SET SETNX APPEND SETRANGE INCRBY MSET MSETNX COPY'.split(' '));

/** Makes random commands of the string and key families over a few hundred keys. */
export class Commands {
  readonly #random: Random;
  /** What values are cut from. */
  readonly #noise: string;

  constructor(random: Random) {
    this.#random = random;
    const noise = Uint8Array.from({ length: 2 * VALUE_BYTES_MAX }, () => random.uint32());
    this.#noise = Buffer.from(noise).toString('latin1');
  }

  next(): string[] {
    const random = this.#random;
    const make = this.#choose(CHOICES);
    return make(this, random).map(String);
  }

  key(): string {
    const number = this.below(this.below(4) === 0 ? 20 : KEY_COUNT);
    // A few names that are long, or share the beginning of others.
    return number % 50 === 7 ? `key:${number}:${'n'.repeat(300 + number)}` : `key:${number}`;
  }

  /** A small number, a short text, or up to 40,000 bytes, some of which can be compressed. */
  value(): string {
    const kind = this.below(8);
    if (kind === 0) return String(this.below(1000) - 500);
    const length = this.below(kind === 1 ? 200 : VALUE_BYTES_MAX);
    if (kind === 2) return `compressible ${this.below(1000)} `.repeat(length / 16);
    const from = this.below(VALUE_BYTES_MAX);
    return `v${this.below(2 ** 31)}${this.#noise.slice(from, from + length)}`;
  }

  milliseconds(): number {
    return this.pick([1, 20, 300, 2000, 30_000, 1_000_000, 1_000_000]) + this.below(50);
  }

  below(limit: number): number {
    return this.#random.below(limit);
  }

  pick<Item>(from: readonly Item[]): Item {
    return from[this.below(from.length)];
  }

  /** So many keys or fewer, one at least. */
  keys(countMax: number): string[] {
    return Array.from({ length: 1 + this.below(countMax) }, () => this.key());
  }

  pairs(countMax: number): string[] {
    return this.keys(countMax).flatMap((key) => [key, this.value()]);
  }

  #choose<Item>(weighted: readonly (readonly [number, Item])[]): Item {
    let left = this.below(WEIGHT);
    for (const [weight, item] of weighted) {
      left -= weight;
      if (left < 0) return item;
    }
    throw new Error('the weights do not add up');
  }
}

type Make = (commands: Commands, random: Random) => (string | number)[];

const letters = (commands: Commands, countMax: number) => 'abcdefgh'.repeat(commands.below(countMax / 8));

const CHOICES: readonly (readonly [weight: number, make: Make])[] = [
  [100, (c) => ['GET', c.key()]],
  [200, (c) => ['SET', c.key(), c.value()]],
  [12, (c) => ['SET', c.key(), c.value(), 'PX', c.milliseconds()]],
  [6, (c) => ['SET', c.key(), c.value(), c.pick(['NX', 'XX', 'GET', 'KEEPTTL'])]],
  [4, (c) => ['SETNX', c.key(), c.value()]],
  [4, (c) => ['GETDEL', c.key()]],
  [2, (c) => ['GETEX', c.key(), 'PERSIST']],
  [3, (c) => ['GETEX', c.key(), 'PX', c.milliseconds()]],
  [6, (c) => ['APPEND', c.key(), letters(c, 400)]],
  [4, (c) => ['STRLEN', c.key()]],
  [6, (c) => ['GETRANGE', c.key(), c.below(60) - 20, c.below(50_000) - 20]],
  [5, (c) => ['SETRANGE', c.key(), c.below(c.pick([10, 30_000])), letters(c, 80)]],
  [6, (c) => ['INCRBY', c.key(), c.below(2 ** 40) - 2 ** 39]],
  [6, (c) => ['MGET', ...c.keys(6)]],
  [20, (c) => ['MSET', ...c.pairs(5)]],
  [2, (c) => ['MSETNX', ...c.pairs(3)]],
  [6, (c) => [c.pick(['DEL', 'UNLINK']), ...c.keys(3)]],
  [4, (c) => [c.pick(['EXISTS', 'TOUCH']), ...c.keys(4)]],
  [2, (c) => ['TYPE', c.key()]],
  [10, (c) => ['PEXPIRE', c.key(), c.milliseconds()]],
  [3, (c) => ['PEXPIRE', c.key(), c.milliseconds(), c.pick(['NX', 'XX', 'GT', 'LT'])]],
  [1, (c) => ['PEXPIRE', c.key(), -5]],
  [4, (c) => ['PERSIST', c.key()]],
  [4, (c) => [c.pick(['PTTL', 'PEXPIRETIME']), c.key()]],
  [5, (c) => [c.pick(['RENAME', 'RENAMENX']), c.key(), c.key()]],
  [4, (c) => ['COPY', c.key(), c.key(), 'DB', c.below(DATABASE_COUNT)]],
  [2, (c) => ['COPY', c.key(), c.key(), 'DB', c.below(DATABASE_COUNT), 'REPLACE']],
  [4, (c) => ['MOVE', c.key(), c.below(DATABASE_COUNT)]],
  [5, (c) => ['SELECT', c.pick([0, 0, c.below(DATABASE_COUNT)])]],
  [1, (c) => ['SWAPDB', c.below(DATABASE_COUNT), c.below(DATABASE_COUNT)]],
  [1, (c) => ['FLUSHDB', c.pick(['SYNC', 'ASYNC'])]],
  [4, () => ['DBSIZE']],
  [2, () => ['RANDOMKEY']],
  [1, (c) => ['KEYS', `key:${c.below(10)}*`]],
  [1, () => ['SCAN', '0', 'COUNT', '100000']],
  [2, (c) => ['OBJECT', 'ENCODING', c.key()]],
  [6, (c) => ['FLEX', 'DEMOTE', ...c.keys(6)]],
  [3, (c) => ['FLEX', 'PROMOTE', ...c.keys(6)]],
  [2, (c) => ['FLEX', 'TIER', c.key()]],
];
const WEIGHT = CHOICES.reduce((sum, [weight]) => sum + weight, 0);
