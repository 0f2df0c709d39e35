import { expect } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { connect, encodeCommand, type TestClient } from '../support/client.ts';
import { startRedis, startThermocline, temporaryDirectory } from '../support/servers.ts';
import { sameReply } from './compare.ts';
import { expiresSoon, type Generator, KEYS, type Step, spoilt, toBuffers, type Word } from './generate.ts';

/** How Thermocline runs beside Redis. `demoted` moves all keys to the SSD after every command. */
export type Mode = 'flex off' | 'flex on' | 'demoted';
export const MODES: readonly Mode[] = ['flex off', 'flex on', 'demoted'];

const SEQUENCE_LENGTH = 200;

/** THERMOCLINE_DIFFERENTIAL_COUNT: commands per family and mode. */
export function commandCount(standard: number): number {
  return Number(process.env.THERMOCLINE_DIFFERENTIAL_COUNT ?? standard);
}

/** THERMOCLINE_DIFFERENTIAL_SEED: the first sequence's seed; the next ones count on from it. */
const seedBase = Number(process.env.THERMOCLINE_DIFFERENTIAL_SEED ?? 1);

/** What differed, at the last step of a sequence. */
interface Difference {
  readonly index: number;
  readonly ours: Buffer;
  readonly theirs: Buffer;
}

/** What both servers are told. On a busy machine any command can be slow, and what is in the log must not depend on it. */
const COMMON = { save: '', 'enable-debug-command': true, 'slowlog-log-slower-than': -1 };

/** A Thermocline and a Redis, with connections 0 and 1 to each. */
export class Pair {
  readonly #ours: TestClient[];
  readonly #theirs: TestClient[];
  readonly #admin: TestClient;
  readonly #demotes: boolean;

  private constructor(ours: TestClient[], theirs: TestClient[], admin: TestClient, demotes: boolean) {
    this.#ours = ours;
    this.#theirs = theirs;
    this.#admin = admin;
    this.#demotes = demotes;
  }

  static async start(mode: Mode): Promise<Pair> {
    const flex = {
      'enable-flex': true,
      'flex-storage-path': temporaryDirectory(),
      // Demotion begins below what the empty index takes, so it always runs beside the commands.
      maxmemory: '128mb',
      'flex-hot-threshold': mode === 'demoted' ? 1 : 0.01,
    };
    const [thermocline, redis] = await Promise.all([
      startThermocline({ ...COMMON, ...(mode === 'flex off' ? {} : flex) }),
      startRedis(COMMON),
    ]);
    const two = (port: number) => Promise.all([connect(port), connect(port)]);
    return new Pair(
      await two(thermocline.port),
      await two(redis.port),
      await connect(thermocline.port),
      mode === 'demoted',
    );
  }

  /** Runs the steps on both servers from an empty state; the first difference, or null. */
  async run(steps: readonly Step[], protocol: number): Promise<Difference | null> {
    await this.#reset(protocol);
    for (let at = 0; at < steps.length; ) {
      // What one connection sends in a row goes as one pipeline.
      let end = at + 1;
      while (end < steps.length && steps[end].connection === steps[at].connection) end++;
      const difference = await this.#runSegment(steps, at, end);
      if (difference !== null) return difference;
      at = end;
    }
    return null;
  }

  async #reset(protocol: number): Promise<void> {
    for (const side of [this.#ours, this.#theirs]) {
      for (const client of side) {
        client.send(encodeCommand('RESET'));
        client.send(encodeCommand('HELLO', protocol));
        await client.rawReplies(2);
      }
      await side[0].call('FLUSHALL');
    }
  }

  async #runSegment(steps: readonly Step[], from: number, to: number): Promise<Difference | null> {
    const { connection } = steps[from];
    const commands = steps.slice(from, to).map((step) => encodeCommand(...step.words));
    const bothUsed = steps.some((step) => step.connection === 1);
    const inline = this.#demotes && !bothUsed;
    const demote = encodeCommand('FLEX', 'DEMOTE', ...KEYS);
    this.#theirs[connection].send(Buffer.concat(commands));
    this.#ours[connection].send(
      Buffer.concat(inline ? commands.flatMap((command) => [command, demote]) : commands),
    );
    const theirs = await this.#theirs[connection].rawReplies(commands.length);
    const all = await this.#ours[connection].rawReplies(commands.length * (inline ? 2 : 1));
    const ours = inline ? all.filter((_, at) => at % 2 === 0) : all;
    for (let at = 0; at < ours.length; at++) {
      if (!sameReply(steps[from + at].words, ours[at], theirs[at]))
        return { index: from + at, ours: ours[at], theirs: theirs[at] };
    }
    // Within MULTI a demotion would be queued, so another connection does it.
    if (this.#demotes && bothUsed) {
      for (const database of [0, 1]) {
        await this.#admin.call('SELECT', database);
        await this.#admin.call('FLEX', 'DEMOTE', ...KEYS);
      }
    }
    return null;
  }
}

/**
 * Runs random sequences of a family; a difference fails with its seed and the shortest sequence found that shows it. Commands
 * that `isLeftOut` says are not run.
 */
export async function compareSequences(
  pair: Pair,
  generator: Generator,
  count: number,
  connectionOf: (random: SeededRandom) => 0 | 1 = () => 0,
  isLeftOut: (words: readonly Word[]) => boolean = expiresSoon,
): Promise<void> {
  for (let done = 0, seed = seedBase; done < count; done += SEQUENCE_LENGTH, seed++) {
    const random = new SeededRandom(seed);
    const protocol = 2 + (seed % 2);
    const steps: Step[] = [];
    while (steps.length < SEQUENCE_LENGTH) {
      const connection = connectionOf(random);
      const words = spoilt(random, generator(random));
      if (!isLeftOut(words)) steps.push({ connection, words: toBuffers(words) });
    }
    for (const name of KEYS) {
      for (const command of ['GET', 'PEXPIRETIME', 'TYPE'])
        steps.push({ connection: 0, words: [Buffer.from(command), name] });
      steps.push({ connection: 0, words: [Buffer.from('OBJECT'), Buffer.from('ENCODING'), name] });
    }
    steps.push({ connection: 0, words: [Buffer.from('DBSIZE')] });
    const difference = await pair.run(steps, protocol);
    if (difference !== null) {
      const shortest = await shrink(pair, steps.slice(0, difference.index + 1), protocol);
      expect.fail(await describeDifference(pair, shortest, protocol, seed, difference));
    }
  }
}

/** Leaves out what does not matter, in ever smaller parts, keeping the last step, which shows the difference. */
async function shrink(pair: Pair, steps: Step[], protocol: number): Promise<Step[]> {
  let shortest = steps;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < shortest.length - 1; ) {
      const end = Math.min(at + size, shortest.length - 1);
      const candidate = [...shortest.slice(0, at), ...shortest.slice(end)];
      const difference = await pair.run(candidate, protocol);
      if (difference !== null) shortest = candidate.slice(0, difference.index + 1);
      else at = end;
    }
  }
  return shortest;
}

async function describeDifference(
  pair: Pair,
  steps: readonly Step[],
  protocol: number,
  seed: number,
  first: Difference,
): Promise<string> {
  const { ours, theirs } = (await pair.run(steps, protocol)) ?? first;
  const lines = steps.map((step) => `  ${step.connection}> ${step.words.map(quoted).join(' ')}`);
  return [
    `Thermocline differs from Redis (THERMOCLINE_DIFFERENTIAL_SEED=${seed}, RESP${protocol}):`,
    ...lines,
    `  Thermocline ${quoted(ours)}`,
    `  Redis       ${quoted(theirs)}`,
  ].join('\n');
}

function quoted(word: Buffer): string {
  const text =
    word.length > 400
      ? `${word.toString('latin1', 0, 400)}… (${word.length} bytes)`
      : word.toString('latin1');
  return /^[\w.+-]+$/.test(text) ? text : JSON.stringify(text);
}
