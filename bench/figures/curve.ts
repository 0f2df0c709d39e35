import { ReuseCurve } from '../../src/heat/reuse-curve.ts';
import { ExactCurve } from '../policy/exact-curve.ts';
import { drawTrace, TRACE_SOURCES, type Trace } from '../policy/traces.ts';
import { mix32 } from '../random.ts';
import { formatNumber } from '../table.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';

const KEY_COUNT = 400_000;
const ACCESSES_PER_KEY = 10;
const SEED = 1;
const TAG_SHIFT = 9;
/** Keys and values as in Meta's ETC pool: sizes about these bytes, from the smallest to ten times the mean. */
const SIZE_MIN = 60;
const SIZE_MEAN = 400;
/** The curve is asked for so many sizes of RAM, from a hundredth of all data to one and a half times as much. */
const SIZES_ASKED = 40;
const SIZE_RANGE = 150;
const ERROR_MAX = 2;
const BYTES_MAX = 2 * 2 ** 20;
const CPU_SHARE_MAX = 0.01;
/** CPU of a GET at pipeline 16, of which the curve takes a share. */
const GET_NANOSECONDS = 1100;
const TIMED_ROUNDS = 5;

/** The curve of hit ratios against an exact LRU over the same traces, and what it costs. */
export const curve: Figure = {
  name: 'curve',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const keyCount = KEY_COUNT / (context.quick ? 10 : 1);
    let bytes = 0;
    let worstError = 0;
    for (const source of TRACE_SOURCES) {
      context.log(`curve: ${source.name}`);
      const trace = drawTrace(source, SEED, keyCount, keyCount * ACCESSES_PER_KEY);
      const sizes = drawSizes(trace);
      const sampled = new ReuseCurve();
      run(sampled, trace, sizes);
      bytes = Math.max(bytes, sampled.byteCount);
      const error = meanError(sampled, trace, sizes);
      worstError = Math.max(worstError, error);
      yield {
        what: `hit ratio estimated, ${source.name}, mean error`,
        measured: `${formatNumber(error)} points`,
        redis: '–',
        goal: `≤ ${ERROR_MAX} points`,
        isMet: error <= ERROR_MAX,
        numbers: { error, sampledKeys: sampled.sampleCount },
      };
    }
    const trace = drawTrace(TRACE_SOURCES[1], SEED, keyCount, keyCount * ACCESSES_PER_KEY);
    const nanoseconds = cost(trace, drawSizes(trace));
    const share = nanoseconds / GET_NANOSECONDS;
    yield {
      what: `CPU of the estimate, of a GET at pipeline 16 (${formatNumber(GET_NANOSECONDS / 1000)} µs)`,
      measured: `${formatNumber(nanoseconds)} ns, ${formatNumber(share * 100)} %`,
      redis: '–',
      goal: `≤ ${CPU_SHARE_MAX * 100} %`,
      isMet: share <= CPU_SHARE_MAX,
      numbers: { nanoseconds, share },
    };
    yield {
      what: 'memory of the estimate',
      measured: `${formatNumber(bytes / 1024)} KiB`,
      redis: '–',
      goal: `≤ ${BYTES_MAX / 1024} KiB`,
      isMet: bytes <= BYTES_MAX,
      numbers: { bytes },
    };
  },
};

function drawSizes(trace: Trace): Float64Array {
  const sizes = new Float64Array(trace.keyLimit);
  for (let key = 0; key < sizes.length; key++) {
    const fraction = (mix32(key ^ SIZE_MEAN) + 1) / 2 ** 32;
    sizes[key] = Math.min(SIZE_MEAN * 10, SIZE_MIN - Math.log(fraction) * (SIZE_MEAN - SIZE_MIN));
  }
  return sizes;
}

/** Has a curve see all accesses, as the keyspace does. */
function run(sampled: ReuseCurve, { keys }: Trace, sizes: Float64Array): void {
  sampled.begin(0);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at];
    const tag = mix32(key) >>> TAG_SHIFT;
    if (tag < sampled.tagLimit) sampled.note(tag, key, sizes[key], true, at + 1);
  }
}

function meanError(sampled: ReuseCurve, trace: Trace, sizes: Float64Array): number {
  const exact = new ExactCurve(trace, sizes);
  let total = 0;
  for (const size of sizes) total += size;
  let sum = 0;
  for (let at = 0; at < SIZES_ASKED; at++) {
    const bytes = (total / 100) * SIZE_RANGE ** (at / (SIZES_ASKED - 1));
    sum += Math.abs(sampled.hitRatio(bytes, trace.keys.length) - exact.hitRatio(bytes)) * 100;
  }
  return sum / SIZES_ASKED;
}

/** Nanoseconds per access: the best of some rounds with a curve, less the best of as many that only make the hash. */
function cost(trace: Trace, sizes: Float64Array): number {
  const { keys } = trace;
  const sampled = new ReuseCurve();
  let withCurve = Number.POSITIVE_INFINITY;
  let without = Number.POSITIVE_INFINITY;
  let sink = 0;
  for (let round = 0; round < TIMED_ROUNDS; round++) {
    const start = process.cpuUsage();
    run(sampled, trace, sizes);
    const middle = process.cpuUsage();
    for (let at = 0; at < keys.length; at++) sink ^= mix32(keys[at]) >>> TAG_SHIFT;
    const end = process.cpuUsage();
    withCurve = Math.min(withCurve, middle.user - start.user);
    without = Math.min(without, end.user - middle.user);
  }
  if (sink < 0) throw new Error('tags are positive');
  return (Math.max(0, withCurve - without) * 1000) / keys.length;
}
