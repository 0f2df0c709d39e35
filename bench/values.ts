import { mix32, Random } from './random.ts';

/**
 * Which sizes values have and how often, parsed from `N`, `N-M` (every size in between equally likely) or a list of
 * `size:weight` such as `100:50,1000:30,4000:20`. Sizes are in bytes, from 0 to 512 MiB.
 */
export class SizeDistribution {
  readonly bytesMax: number;
  readonly bytesMean: number;
  private readonly sizes: readonly SizeRange[];

  constructor(text: string) {
    const entries = text.split(',').map((entry) => parseEntry(entry, text));
    const weightTotal = entries.reduce((sum, entry) => sum + entry.weight, 0);
    let weightSum = 0;
    this.sizes = entries.map((entry) => {
      weightSum += entry.weight;
      return {
        low: entry.low,
        high: entry.high,
        from: (weightSum - entry.weight) / weightTotal,
        to: weightSum / weightTotal,
      };
    });
    this.bytesMax = Math.max(...entries.map((entry) => entry.high));
    this.bytesMean = this.sizes.reduce(
      (sum, size) => sum + ((size.low + size.high) / 2) * (size.to - size.from),
      0,
    );
  }

  /** The size at a place in the distribution, from 0 to below 1. */
  at(place: number): number {
    for (const size of this.sizes) {
      if (place < size.to) {
        const within = (place - size.from) / (size.to - size.from);
        return size.low + Math.floor(within * (size.high - size.low + 1));
      }
    }
    return this.bytesMax;
  }
}

interface SizeRange {
  readonly low: number;
  readonly high: number;
  readonly from: number;
  readonly to: number;
}

function parseEntry(entry: string, text: string): { low: number; high: number; weight: number } {
  const match = /^(\d+)(?:-(\d+))?(?::(\d+(?:\.\d+)?))?$/.exec(entry.trim());
  const low = Number(match?.[1]);
  const high = match?.[2] === undefined ? low : Number(match[2]);
  const weight = match?.[3] === undefined ? 1 : Number(match[3]);
  if (match === null || high < low || high > 512 * 1024 * 1024 || weight <= 0) {
    throw new Error(`bad value size '${text}': use N, N-M or size:weight,size:weight…`);
  }
  return { low, high, weight };
}

const NOISE_BYTES = 1024 * 1024;
const HEAD_BYTES = 4;
const WORDS = [
  'customer',
  'order',
  '"status":"active"',
  'address',
  'price',
  '00',
  'city',
  'null',
  'item',
  '{"id":',
];

/**
 * The value of each key, derived from the key's index, so that every reply can be checked and nothing is stored: its
 * size from the distribution, then the index in its first four bytes (as far as the size allows) and a stretch of one
 * noise buffer that starts where the index's hash says.
 */
export class Values {
  readonly distribution: SizeDistribution;
  private readonly noise: Buffer;

  /** `compressible` takes text that LZ4 shrinks about threefold instead of random bytes. */
  constructor(distribution: SizeDistribution, compressible: boolean) {
    this.distribution = distribution;
    this.noise = Buffer.allocUnsafe(NOISE_BYTES + distribution.bytesMax);
    const random = new Random(20_231);
    if (compressible) {
      for (let position = 0; position < this.noise.length; ) {
        const word = `${WORDS[random.below(WORDS.length)]}${random.below(10)},`;
        position += this.noise.write(word, position, 'latin1');
      }
    } else {
      for (let position = 0; position < this.noise.length; position++)
        this.noise[position] = random.next() & 255;
    }
  }

  /** The size of the key's value in bytes. */
  sizeOf(index: number): number {
    return this.distribution.at(mix32(index + 0x5bd1e995) / 4_294_967_296);
  }

  /** Writes the key's value into `target` at `offset`, {@link sizeOf} bytes. */
  write(target: Buffer, offset: number, index: number): void {
    const size = this.sizeOf(index);
    const start = mix32(index) % NOISE_BYTES;
    this.noise.copy(target, offset, start, start + size);
    for (let position = 0; position < HEAD_BYTES && position < size; position++) {
      target[offset + position] = headByte(index, position);
    }
  }

  /**
   * Whether `bytes[start, end)` is the part of the key's value that begins at `position`. Replies arrive in pieces,
   * so a value is checked piece by piece; the caller compares the size.
   */
  matches(index: number, position: number, bytes: Buffer, start: number, end: number): boolean {
    let from = start;
    let at = position;
    for (; at < HEAD_BYTES && from < end; at++, from++) {
      if (bytes[from] !== headByte(index, at)) return false;
    }
    const noiseStart = (mix32(index) % NOISE_BYTES) + at;
    return bytes.compare(this.noise, noiseStart, noiseStart + (end - from), from, end) === 0;
  }
}

function headByte(index: number, position: number): number {
  return (index >>> (position * 8)) & 255;
}
