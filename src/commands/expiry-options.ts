import { invalidExpire, NOT_AN_INTEGER } from '../base/error-replies.ts';
import { parseInteger, parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';

/** Largest expiry that is kept exactly; Redis takes any that fits 64 bits. */
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
 * SET and its kin want it positive (getExpireMillisecondsOrReply); EXPIRE takes the past too.
 */
export function readExpiry(call: Call, at: number, unit: ExpiryUnit, mustBePositive: boolean): number {
  const { words, reply } = call;
  let value = parseInteger(words.buffer, words.offsets[at], words.lengths[at]);
  if (Number.isNaN(value)) {
    const wide = parseInteger64(words.buffer, words.offsets[at], words.lengths[at]);
    if (wide === undefined) {
      reply.error(NOT_AN_INTEGER);
      return Number.NaN;
    }
    value = Number(wide);
  }
  if (mustBePositive && value <= 0) {
    reply.error(invalidExpire(call.command.fullName));
    return Number.NaN;
  }
  if (unit.inSeconds) value *= 1000;
  if (!unit.isAbsolute) value += call.keyspace.nowMs;
  if (value > EXPIRY_MS_MAX || value < -EXPIRY_MS_MAX) {
    reply.error(invalidExpire(call.command.fullName));
    return Number.NaN;
  }
  return value;
}
