/** Pseudo-random numbers that a seed repeats, for tests. */
export interface Generator {
  /** An integer from 0 on, below `limit`. */
  below(limit: number): number;
  bytes(count: number): Buffer;
  pick<T>(choices: readonly T[]): T;
}

/** A mulberry32 generator. */
export function createGenerator(seed: number): Generator {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
    pick: (choices) => choices[below(choices.length)],
  };
}
