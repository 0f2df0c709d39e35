/**
 * The 24 bits of access history in a record's header, as Redis defines them (`redisObject.lru`): under an LRU policy
 * the clock of the last access in seconds; under LFU 16 bits of the minute of the last decrement and 8 bits of a
 * logarithmic counter.
 */
export const ACCESS_MASK = 0xffffff;
/** Counter of a new key, so that it is not the first to go (LFU_INIT_VAL). */
export const LFU_COUNTER_INITIAL = 5;

/** The LRU clock: seconds, 24 bits, wrapping after 194 days. */
export function lruClock(nowMs: number): number {
  return Math.floor(nowMs / 1000) & ACCESS_MASK;
}

/** Idle time in milliseconds that LRU bits tell. */
export function lruIdleMs(access: number, nowMs: number): number {
  return ((lruClock(nowMs) - access) & ACCESS_MASK) * 1000;
}

/** The LRU bits of a key that was not used for so many seconds. */
export function lruIdleFor(idleSeconds: number, nowMs: number): number {
  const idle = Math.min(idleSeconds, ACCESS_MASK);
  return (lruClock(nowMs) - idle) & ACCESS_MASK;
}

/** The LFU bits of a key with this counter. */
export function lfuWith(counter: number, nowMs: number): number {
  return (lfuMinutes(nowMs) << 8) | counter;
}

function lfuMinutes(nowMs: number): number {
  return Math.floor(nowMs / 60000) & 0xffff;
}

/** The bits of a key made now under LFU. */
export function lfuInitial(nowMs: number): number {
  return lfuWith(LFU_COUNTER_INITIAL, nowMs);
}

/** The counter after the decay that the minutes since its last change call for (LFUDecrAndReturn). */
export function lfuCounter(access: number, nowMs: number, decayMinutes: number): number {
  const counter = access & 0xff;
  if (decayMinutes === 0) return counter;
  const elapsed = (lfuMinutes(nowMs) - (access >>> 8)) & 0xffff;
  const periods = Math.floor(elapsed / decayMinutes);
  return periods > counter ? 0 : counter - periods;
}

/**
 * The bits after one more access: the counter grows with probability 1 / ((counter - 5) × logFactor + 1)
 * (LFULogIncr). `random` is from 0 up to but without 1.
 */
export function lfuTouched(
  access: number,
  nowMs: number,
  logFactor: number,
  decayMinutes: number,
  random: number,
): number {
  let counter = lfuCounter(access, nowMs, decayMinutes);
  if (counter < 255) {
    const base = counter > LFU_COUNTER_INITIAL ? counter - LFU_COUNTER_INITIAL : 0;
    if (random * (base * logFactor + 1) < 1) counter++;
  }
  return (lfuMinutes(nowMs) << 8) | counter;
}
