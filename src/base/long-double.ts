/**
 * Sums of x87 extended-precision floats (`long double` on x86-64), which Redis uses for INCRBYFLOAT and HINCRBYFLOAT: 64
 * bits of mantissa, rounded to nearest, ties to even. Numbers are read as strtold(3) does and written as Redis's
 * `ld2string` in its human mode (util.c).
 */

/** `mantissa × 2^exponent`. */
export interface BinaryFloat {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
const EXPONENT_MAX = 16383;
/** Exponent of the smallest subnormal number. */
const EXPONENT_MIN = -16445;
/** A decimal number whose first digit stands above or below these powers of ten overflows, or underflows to zero. */
const DECIMAL_ORDER_MAX = 4933;
const DECIMAL_ORDER_MIN = -4952;
/** Longest number that Redis reads (MAX_LONG_DOUBLE_CHARS). */
const LENGTH_MAX = 5119;
const FRACTION_DIGITS = 17;
const FRACTION_SCALE = 10n ** BigInt(FRACTION_DIGITS);

const DECIMAL = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x(?:([0-9a-f]+)(?:\.([0-9a-f]*))?|\.([0-9a-f]+))(?:p([+-]?\d+))?$/i;
export const INFINITE = /^[+-]?inf(?:inity)?$/i;

/**
 * Sum of two finite numbers, decimal or hexadecimal, as text in the form `%.17Lf` without trailing zeros; undefined if
 * one of them is not finite or no number, or if the sum overflows.
 */
export function addDecimals(left: string, right: string): string | undefined {
  const first = parse(left);
  const second = parse(right);
  if (first === undefined || second === undefined) return undefined;
  const exponent = Math.min(first.exponent, second.exponent);
  const sum =
    (first.mantissa << BigInt(first.exponent - exponent)) +
    (second.mantissa << BigInt(second.exponent - exponent));
  const rounded = round(sum, 1n, exponent);
  return isTooLarge(rounded) ? undefined : format(rounded);
}

/** Whether Redis takes the text for a finite number, for infinity, or refuses it. What over- or underflows is invalid. */
export function classifyDecimal(text: string): 'finite' | 'infinite' | 'invalid' {
  if (INFINITE.test(text)) return 'infinite';
  return parse(text) === undefined ? 'invalid' : 'finite';
}

/**
 * The exact value of a hexadecimal floating-point number of C (`0x1.8p3`), its sign apart; undefined if the text is
 * none. Exponents beyond ±100,000 are cut to that.
 */
export function parseHexadecimal(text: string): (BinaryFloat & { readonly isNegative: boolean }) | undefined {
  const parts = HEXADECIMAL.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = '', wholeFraction = '', bareFraction = '', power = '0'] = parts;
  const fraction = wholeFraction + bareFraction;
  return {
    mantissa: BigInt(`0x${whole}${fraction}`),
    exponent: Math.max(-100_000, Math.min(100_000, Number(power))) - 4 * fraction.length,
    isNegative: sign === '-',
  };
}

/**
 * `numerator / denominator × 2^exponent`, neither negative, rounded to nearest, ties to even, to `bits` of mantissa;
 * fewer where the last bit would stand below 2^`exponentMin`.
 */
export function roundBinary(
  numerator: bigint,
  denominator: bigint,
  exponent: number,
  bits: number,
  exponentMin: number,
): BinaryFloat {
  if (numerator === 0n) return { mantissa: 0n, exponent: 0 };
  // Scaled so that the quotient has one or two bits more than the mantissa; the remainder tells ties from the rest.
  const shift = bits + 1 - (bitLength(numerator) - bitLength(denominator));
  const scaled = shift >= 0 ? numerator << BigInt(shift) : numerator;
  const divisor = shift >= 0 ? denominator : denominator << BigInt(-shift);
  const quotient = scaled / divisor;
  const unit = exponent - shift;
  const excess = Math.max(bitLength(quotient) - bits, exponentMin - unit);
  const half = 1n << BigInt(excess - 1);
  const rest = quotient & ((half << 1n) - 1n);
  let mantissa = quotient >> BigInt(excess);
  if (rest > half || (rest === half && ((mantissa & 1n) === 1n || scaled % divisor !== 0n))) mantissa++;
  return { mantissa, exponent: unit + excess };
}

/** The finite number that the text is, rounded; undefined if it is none, or over- or underflows. */
function parse(text: string): BinaryFloat | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  const hexadecimal = parseHexadecimal(text);
  if (hexadecimal !== undefined) {
    const { mantissa, exponent, isNegative } = hexadecimal;
    return inRange(mantissa, 1n, exponent, isNegative);
  }
  const parts = DECIMAL.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = '', wholeFraction = '', bareFraction = '', power = '0'] = parts;
  const fraction = wholeFraction + bareFraction;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return { mantissa: 0n, exponent: 0 };
  const exponent = Number(power) - fraction.length;
  const order = digits.toString().length + exponent;
  if (order > DECIMAL_ORDER_MAX || order < DECIMAL_ORDER_MIN) return undefined;
  return exponent >= 0
    ? inRange(digits * 10n ** BigInt(exponent), 1n, 0, sign === '-')
    : inRange(digits, 10n ** BigInt(-exponent), 0, sign === '-');
}

/** A fraction rounded and signed; undefined if it overflows, or if it underflows to zero and is not zero. */
function inRange(
  numerator: bigint,
  denominator: bigint,
  exponent: number,
  isNegative: boolean,
): BinaryFloat | undefined {
  const value = round(isNegative ? -numerator : numerator, denominator, exponent);
  return isTooLarge(value) || (value.mantissa === 0n && numerator !== 0n) ? undefined : value;
}

function round(numerator: bigint, denominator: bigint, exponent: number): BinaryFloat {
  const value = roundBinary(absolute(numerator), denominator, exponent, MANTISSA_BITS, EXPONENT_MIN);
  return numerator < 0n ? { mantissa: -value.mantissa, exponent: value.exponent } : value;
}

function isTooLarge(value: BinaryFloat): boolean {
  return value.mantissa !== 0n && bitLength(absolute(value.mantissa)) + value.exponent - 1 > EXPONENT_MAX;
}

function format(value: BinaryFloat): string {
  const magnitude = absolute(value.mantissa) * FRACTION_SCALE;
  let digits: bigint;
  if (value.exponent >= 0) {
    digits = magnitude << BigInt(value.exponent);
  } else {
    const shift = BigInt(-value.exponent);
    digits = magnitude >> shift;
    const rest = magnitude & ((1n << shift) - 1n);
    const half = 1n << (shift - 1n);
    if (rest > half || (rest === half && (digits & 1n) === 1n)) digits++;
  }
  const text = digits.toString().padStart(FRACTION_DIGITS + 1, '0');
  const whole = text.slice(0, -FRACTION_DIGITS);
  const fraction = text.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  const unsigned = fraction === '' ? whole : `${whole}.${fraction}`;
  return value.mantissa < 0n && unsigned !== '0' ? `-${unsigned}` : unsigned;
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** Bits of a positive integer. */
function bitLength(value: bigint): number {
  const digits = value.toString(16);
  return digits.length * 4 - Math.clz32(Number.parseInt(digits[0], 16)) + 28;
}
