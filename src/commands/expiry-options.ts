import { invalidExpire, NOT_AN_INTEGER } from '../base/error-replies.ts';
import { INT64_MAX, INT64_MIN, parseInteger, parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';

/** Largest expiry that is kept exactly. Redis takes any that fits 64 bits; beyond this every time is as good as never. */
const EXPIRY_MS_MAX = Number.MAX_SAFE_INTEGER;

/** How an argument tells an expiry. */
export interface ExpiryUnit {
  readonly inSeconds: boolean;
  /** A time since the epoch rather than from now. */
  readonly isAbsolute: boolean;
}

export const EX: ExpiryUnit = { inSeconds: true, isAbsolute: false };
export const PX: ExpiryUnit = { inSeconds: false, isAbsolute: false };
export const EXAT: ExpiryUnit = { inSeconds: true, isAbsolute: true };
export const PXAT: ExpiryUnit = { inSeconds: false, isAbsolute: true };

/** The unit that argument `at` names (EX, PX, EXAT, PXAT), or null. */
export function expiryUnit(call: Call, at: number): ExpiryUnit | null {
  const { words } = call;
  if (words.is(at, 'ex')) return EX;
  if (words.is(at, 'px')) return PX;
  if (words.is(at, 'exat')) return EXAT;
  if (words.is(at, 'pxat')) return PXAT;
  return null;
}

/**
 * The expiry that argument `at` gives, in milliseconds since the epoch; NaN after replying the error that Redis gives.
 * SET and its kin want it positive (getExpireMillisecondsOrReply); EXPIRE takes the past too (expireGenericCommand).
 */
export function readExpiry(call: Call, at: number, unit: ExpiryUnit, mustBePositive: boolean): number {
  const { words, reply, keyspace } = call;
  const value = parseInteger(words.buffer, words.offsets[at], words.lengths[at]);
  let time = value * (unit.inSeconds ? 1000 : 1) + (unit.isAbsolute ? 0 : keyspace.nowMs);
  let isValid = value > 0 || !mustBePositive;
  if (Number.isNaN(value)) {
    const wide = parseInteger64(words.buffer, words.offsets[at], words.lengths[at]);
    if (wide === undefined) {
      reply.error(NOT_AN_INTEGER);
      return Number.NaN;
    }
    const milliseconds = wide * (unit.inSeconds ? 1000n : 1n);
    const exact = milliseconds + (unit.isAbsolute ? 0n : BigInt(keyspace.nowMs));
    isValid = (wide > 0n || !mustBePositive) && milliseconds >= INT64_MIN && exact <= INT64_MAX;
    time = Number(exact);
  }
  if (!isValid) {
    reply.error(invalidExpire(call.command.fullName));
    return Number.NaN;
  }
  return Math.max(-EXPIRY_MS_MAX, Math.min(time, EXPIRY_MS_MAX));
}
