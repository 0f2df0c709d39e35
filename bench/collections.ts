import { CommandWorkload, type NumberWord } from './command-workload.ts';
import { LoadGenerator } from './load-generator.ts';
import { measureRound, type Round } from './measurement.ts';
import { ClosedLoop } from './pacing.ts';
import { mix32, type Random } from './random.ts';
import type { Server } from './server-process.ts';
import { SizeDistribution, Values } from './values.ts';

/** Operations on collections neither read nor write the values of keys. */
export const NO_VALUES = new Values(new SizeDistribution('1'), false);

export type CollectionType = 'hash' | 'set' | 'sorted set' | 'list' | 'stream';
export const COLLECTION_TYPES: readonly CollectionType[] = ['hash', 'set', 'sorted set', 'list', 'stream'];

const LOAD_PIPELINE = 512;
const SCORE_LIMIT = 1_000_000_000;

/**
 * Collections of one type that are alike: `keyCount` of them with `elementCount` elements each. Fields have 12 B and values of
 * them 20 B, members of sets and sorted sets 16 B, elements of lists 20 B, entries of streams two fields of 12 B.
 */
export class Collections {
  readonly type: CollectionType;
  readonly keyCount: number;
  readonly elementCount: number;
  /** What the present operation is about. */
  #key = 0;
  #element = 0;
  #added = 0;

  constructor(type: CollectionType, keyCount: number, elementCount: number) {
    this.type = type;
    this.keyCount = keyCount;
    this.elementCount = elementCount;
  }

  /** Name of a collection. */
  nameOf(key: number): string {
    return `${this.type.replace(' ', '-')}:${String(key).padStart(6, '0')}`;
  }

  /** Makes all of them on a server, an element of each at a time, from element `first` to before `end`. */
  async load(server: Server, first = 0, end = this.elementCount): Promise<Round> {
    this.#key = this.keyCount - 1;
    this.#element = first - 1;
    const workload = new CommandWorkload(this.#additionWords(), () => {
      if (++this.#key < this.keyCount) return;
      this.#key = 0;
      this.#element++;
    });
    return runCommands(server, workload, (end - first) * this.keyCount, LOAD_PIPELINE, 1);
  }

  /** Commands of {@link operationsOf}, each on a collection and an element that `random` chooses. */
  operation(name: string, random: Random): CommandWorkload {
    const drawElement = (): void => {
      this.#key = random.below(this.keyCount);
      this.#element = random.below(this.elementCount);
    };
    const newElement = (): void => {
      this.#key = random.below(this.keyCount);
      this.#element = this.elementCount + this.#added++;
    };
    const key = this.#keyWord();
    const start = number('', 0, () => Math.min(this.#element, this.elementCount - 10));
    const stop = number('', 0, () => Math.min(this.#element, this.elementCount - 10) + 9);
    switch (name) {
      case 'HSET':
        return new CommandWorkload(
          ['HSET', key, this.#field(), number('value:', 14, () => random.next())],
          drawElement,
        );
      case 'HGET':
        return new CommandWorkload(['HGET', key, this.#field()], drawElement);
      case 'SADD':
        return new CommandWorkload(this.#additionWords(), newElement);
      case 'LPUSH':
        return new CommandWorkload(['LPUSH', key, this.#item()], newElement);
      case 'SISMEMBER':
        return new CommandWorkload(['SISMEMBER', key, this.#member()], drawElement);
      case 'ZADD':
        return new CommandWorkload(
          ['ZADD', key, number('', 0, () => random.below(SCORE_LIMIT)), this.#member()],
          drawElement,
        );
      case 'ZSCORE':
      case 'ZRANK':
        return new CommandWorkload([name, key, this.#member()], drawElement);
      case 'ZINCRBY':
        return new CommandWorkload(
          ['ZINCRBY', key, number('', 0, () => random.below(1000)), this.#member()],
          drawElement,
        );
      case 'ZRANGE 10':
        return new CommandWorkload(['ZRANGE', key, start, stop], drawElement);
      case 'LRANGE 100':
        return new CommandWorkload(['LRANGE', key, '0', '99'], drawElement);
      case 'XADD':
        return new CommandWorkload(['XADD', key, '*', ...this.#entryFields()], newElement);
      case 'XRANGE 10': {
        const id = number('', 0, () => Math.min(this.#element, this.elementCount - 10) + 1);
        return new CommandWorkload(['XRANGE', key, id, '+', 'COUNT', '10'], drawElement);
      }
      default:
        throw new Error(`no operation '${name}'`);
    }
  }

  /** Adds the present element; those of a stream have ascending ids from 1 on. */
  #additionWords(): (string | NumberWord)[] {
    const key = this.#keyWord();
    switch (this.type) {
      case 'hash':
        return ['HSET', key, this.#field(), number('value:', 14, () => this.#element)];
      case 'set':
        return ['SADD', key, this.#member()];
      case 'sorted set': {
        const score = number('', 0, () => mix32(this.#element + this.#key * 7919) % SCORE_LIMIT);
        return ['ZADD', key, score, this.#member()];
      }
      case 'list':
        return ['RPUSH', key, this.#item()];
      case 'stream':
        return ['XADD', key, number('', 0, () => this.#element + 1), ...this.#entryFields()];
    }
  }

  #entryFields(): (string | NumberWord)[] {
    const value = (): number => this.#element;
    return ['temperature', number('t:', 10, value), 'humidity', number('h:', 10, value)];
  }

  #keyWord(): NumberWord {
    return number(`${this.type.replace(' ', '-')}:`, 6, () => this.#key);
  }

  #field(): NumberWord {
    return number('f:', 10, () => this.#element);
  }

  #member(): NumberWord {
    return number('member:', 9, () => this.#element);
  }

  #item(): NumberWord {
    return number('element:', 12, () => this.#element);
  }
}

/** The operations that are measured on a type's collections. */
export function operationsOf(type: CollectionType): readonly string[] {
  switch (type) {
    case 'hash':
      return ['HGET', 'HSET'];
    case 'set':
      return ['SISMEMBER', 'SADD'];
    case 'sorted set':
      return ['ZSCORE', 'ZRANGE 10', 'ZADD', 'ZINCRBY', 'ZRANK'];
    case 'list':
      return ['LRANGE 100', 'LPUSH'];
    case 'stream':
      return ['XRANGE 10', 'XADD'];
  }
}

/** Runs `count` operations and measures them; throws if one fails. */
export async function runCommands(
  server: Server,
  workload: CommandWorkload,
  count: number,
  pipeline: number,
  clients: number,
): Promise<Round> {
  const generator = await LoadGenerator.connect(server.address, NO_VALUES, clients, pipeline);
  try {
    const round = await measureRound(server, generator, {
      workload,
      pacing: new ClosedLoop({ operations: count, durationMs: Infinity }),
      pipeline,
      verify: false,
    });
    if (round.errors + round.misses > 0)
      throw new Error(`${server.name}: ${round.errors} errors, ${round.misses} misses ${round.lastError}`);
    return round;
  } finally {
    generator.close();
  }
}

function number(prefix: string, digits: number, value: () => number): NumberWord {
  return { prefix, digits, value };
}
