/**
 * Sums of x87 extended-precision floats (`long double` on x86-64), which Redis uses for INCRBYFLOAT and HINCRBYFLOAT: 64
 * bits of mantissa, rounded to nearest, ties to even. A value is `mantissa × 2^exponent`.
 */
interface Extended {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
const EXPONENT_MAX = 16383;
const FRACTION_DIGITS = 17;

/** Sum of two decimal numbers, as text in the form `%.17Lf` without trailing zeros, or undefined if it is not finite. */
export function addDecimals(left: string, right: string): string | undefined {
  const first = parse(left);
  const second = parse(right);
  if (first === undefined || second === undefined) return undefined;
  return format(add(first, second));
}

/** Whether the text is a finite number, infinity, or neither, as strtold reads it. */
export function classifyDecimal(text: string): 'finite' | 'infinite' | 'invalid' {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,5})?$/.test(text))
    return parse(text) === undefined ? 'invalid' : 'finite';
  if (/^[+-]?0x[0-9a-f]+$/i.test(text)) return 'finite';
  return /^[+-]?inf(inity)?$/i.test(text) ? 'infinite' : 'invalid';
}

function parse(text: string): Extended | undefined {
  const hexadecimal = /^([+-]?)(0x[0-9a-f]+)$/i.exec(text);
  if (hexadecimal !== null) {
    const magnitude = BigInt(hexadecimal[2]);
    return round(hexadecimal[1] === '-' ? -magnitude : magnitude, 1n, 0);
  }
  const parts = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,5}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole, fraction, power = '0'] = parts;
  const digits = BigInt(`${whole}${fraction}` || '0');
  const exponent = Number(power) - fraction.length;
  if (digits !== 0n && (exponent > 5000 || exponent < -6000))
    return exponent > 0 ? undefined : { mantissa: 0n, exponent: 0 };
  const signed = sign === '-' ? -digits : digits;
  const value =
    exponent >= 0
      ? round(signed * 10n ** BigInt(exponent), 1n, 0)
      : round(signed, 10n ** BigInt(-exponent), 0);
  return isTooLarge(value) ? undefined : value;
}

function add(left: Extended, right: Extended): Extended {
  const exponent = Math.min(left.exponent, right.exponent);
  const sum =
    (left.mantissa << BigInt(left.exponent - exponent)) +
    (right.mantissa << BigInt(right.exponent - exponent));
  return round(sum, 1n, exponent);
}

function isTooLarge(value: Extended): boolean {
  return value.mantissa !== 0n && bitLength(absolute(value.mantissa)) + value.exponent - 1 > EXPONENT_MAX;
}

/** `numerator / denominator × 2^exponent`, rounded to 64 bits of mantissa. */
function round(numerator: bigint, denominator: bigint, exponent: number): Extended {
  if (numerator === 0n) return { mantissa: 0n, exponent: 0 };
  const negative = numerator < 0n;
  const magnitude = absolute(numerator);
  // Scaled so that the quotient has two bits more than the mantissa.
  const shift = MANTISSA_BITS + 2 - (bitLength(magnitude) - bitLength(denominator));
  const scaled = shift >= 0 ? magnitude << BigInt(shift) : magnitude;
  const divisor = shift >= 0 ? denominator : denominator << BigInt(-shift);
  let quotient = scaled / divisor;
  if (scaled % divisor !== 0n) quotient = (quotient << 1n) | 1n;
  else quotient <<= 1n;
  const excess = BigInt(bitLength(quotient) - MANTISSA_BITS);
  const half = 1n << (excess - 1n);
  const rest = quotient & ((1n << excess) - 1n);
  let mantissa = quotient >> excess;
  if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++;
  return { mantissa: negative ? -mantissa : mantissa, exponent: exponent - shift - 1 + Number(excess) };
}

function format(value: Extended): string | undefined {
  if (isTooLarge(value)) return undefined;
  const negative = value.mantissa < 0n;
  const scale = 10n ** BigInt(FRACTION_DIGITS);
  let digits: bigint;
  const magnitude = absolute(value.mantissa) * scale;
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
  return negative && unsigned !== '0' ? `-${unsigned}` : unsigned;
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
