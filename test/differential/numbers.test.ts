import { describe, expect, test } from 'vitest';
import { addDecimals, classifyDecimal } from '../../src/base/long-double.ts';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { connect, encodeCommand } from '../support/client.ts';
import { hasRedis, startRedis } from '../support/servers.ts';
import { chance, float } from './generate.ts';
import { commandCount } from './run.ts';

/** A number as people, programs and rounding errors write them. */
function decimal(random: Random): string {
  const digits = (count: number) => Array.from({ length: count }, () => random.below(10)).join('');
  const kind = random.below(8);
  if (kind === 0) return String(float(random));
  if (kind === 1) return `${random.below(1000)}e${random.below(60) - 30}`;
  if (kind === 2) return `${digits(1 + random.below(25))}.${digits(random.below(30))}`;
  if (kind === 3) return `0.${'0'.repeat(random.below(20))}${digits(1 + random.below(20))}`;
  // Around the 64 bits of a mantissa, where sums are rounded.
  if (kind === 4) return `${2n ** BigInt(60 + random.below(12)) + BigInt(random.below(9)) - 4n}`;
  if (kind === 5) return `0x${random.below(2 ** 40).toString(16)}`;
  if (kind === 6) return String((random.below(2 ** 53) - 2 ** 52) / 2 ** random.below(60));
  return `${chance(random, 50) ? '-' : ''}${random.below(1000)}.${digits(random.below(4))}`;
}

describe.skipIf(!hasRedis)('sums of decimals', () => {
  test('are those of INCRBYFLOAT', async () => {
    const client = await connect((await startRedis()).port);
    const random = new SeededRandom(Number(process.env.THERMOCLINE_DIFFERENTIAL_SEED ?? 1));
    const batch = 1000;
    for (let done = 0; done < commandCount(20_000); done += batch) {
      const pairs = Array.from({ length: batch }, () => {
        const left = decimal(random);
        const right = chance(random, 10) ? `-${left}` : decimal(random);
        return chance(random, 50) ? [left, right] : [right, left];
      });
      client.send(
        Buffer.concat(
          pairs.flatMap(([left, right]) => [
            encodeCommand('SET', 'k', left),
            encodeCommand('INCRBYFLOAT', 'k', right),
          ]),
        ),
      );
      const replies = (await client.rawReplies(batch * 2)).filter((_, at) => at % 2 === 1);
      for (const [at, reply] of replies.entries()) {
        const [left, right] = pairs[at];
        const text = reply.toString('latin1');
        const ours = [left, right].some((word) => classifyDecimal(word) === 'invalid')
          ? '-ERR value is not a valid float\r\n'
          : (addDecimals(left, right) ?? '-ERR increment would produce NaN or Infinity\r\n');
        const theirs = text.startsWith('$') ? text.split('\r\n')[1] : text;
        expect({ left, right, sum: ours }).toEqual({ left, right, sum: theirs });
      }
    }
  });
});
