import { ENCODING_RAW } from '../string/encoding.ts';
import { countDense, denseRegister, mergeDense, packDense, setDenseRegister } from './dense.ts';
import { estimateCardinality } from './estimate.ts';
import {
  DENSE,
  DENSE_BYTES,
  encodingAt,
  HEADER_BYTES,
  REGISTER_COUNT,
  SPARSE,
  setEncoding,
  writeHeader,
} from './format.ts';
import {
  countSparse,
  EMPTY_RUNS_BYTES,
  mergeSparse,
  SPARSE_VALUE_MAX,
  SparseChange,
  writeEmptyRuns,
} from './sparse.ts';

/** A growing sparse value gets as much room again, up to this much (hllSparseSet). */
const PREALLOCATED_BYTES_MAX = 300;
export const EMPTY_BYTES = HEADER_BYTES + EMPTY_RUNS_BYTES;

/** The string that holds a HyperLogLog; the database is one, for the key found last. */
export interface StringHolder {
  /** Where the string is; it changes with every call below. */
  readonly entry: {
    readonly bytes: Uint8Array;
    readonly payloadOffset: number;
    readonly payloadLength: number;
  };
  /** To be called before the bytes are changed. */
  makeHot(): void;
  /** Changes the length, keeping the bytes up to the shorter one, and makes room for at least `room`. */
  reshape(length: number, room: number, encoding: number): void;
}

const change = new SparseChange();
const histogram = new Int32Array(64);

/** Writes a HyperLogLog without elements, {@link EMPTY_BYTES} long. */
export function writeEmpty(bytes: Uint8Array, offset: number): void {
  writeHeader(bytes, offset, SPARSE);
  writeEmptyRuns(bytes, offset + HEADER_BYTES);
}

/**
 * Raises a register to `value`. `too sparse` if the value must become dense for it ({@link makeDense}); nothing has
 * changed then. Allocates nothing. The cardinality in the header is not touched.
 */
export function raiseRegister(
  holder: StringHolder,
  register: number,
  value: number,
  sparseBytesMax: number,
): 'raised' | 'no change' | 'too sparse' | 'corrupt' {
  const { entry } = holder;
  const { bytes, payloadOffset, payloadLength } = entry;
  if (encodingAt(bytes, payloadOffset) === DENSE) {
    if (denseRegister(bytes, payloadOffset + HEADER_BYTES, register) >= value) return 'no change';
    holder.makeHot();
    setDenseRegister(entry.bytes, entry.payloadOffset + HEADER_BYTES, register, value);
    return 'raised';
  }
  if (value > SPARSE_VALUE_MAX) return 'too sparse';
  const runsBytes = payloadLength - HEADER_BYTES;
  const plan = change.plan(bytes, payloadOffset + HEADER_BYTES, runsBytes, register, value);
  if (plan !== 'change') return plan;
  const length = payloadLength + change.growth;
  if (change.growth > 0) {
    if (length > sparseBytesMax) return 'too sparse';
    holder.reshape(length, roomFor(length), ENCODING_RAW);
  } else {
    holder.makeHot();
  }
  const after = HEADER_BYTES + change.apply(entry.bytes, entry.payloadOffset + HEADER_BYTES, runsBytes);
  if (after !== entry.payloadLength) holder.reshape(after, roomFor(after), ENCODING_RAW);
  return 'raised';
}

function roomFor(length: number): number {
  return length + Math.min(length, PREALLOCATED_BYTES_MAX);
}

/** Makes a value dense with these registers, a byte each; its header is kept but for the encoding. */
export function writeDense(holder: StringHolder, registers: Uint8Array): void {
  holder.reshape(DENSE_BYTES, DENSE_BYTES, ENCODING_RAW);
  const { bytes, payloadOffset } = holder.entry;
  setEncoding(bytes, payloadOffset, DENSE);
  packDense(registers, bytes, payloadOffset + HEADER_BYTES);
}

const unpacked = new Uint8Array(REGISTER_COUNT);

/** Makes a sparse value dense, which changes no register; false if it is corrupt. */
export function makeDense(holder: StringHolder): boolean {
  const { bytes, payloadOffset, payloadLength } = holder.entry;
  unpacked.fill(0);
  if (!mergeInto(bytes, payloadOffset, payloadLength, unpacked)) return false;
  writeDense(holder, unpacked);
  return true;
}

/** Raises each of `registers`, a byte each, to the value's where that is greater; false if the value is corrupt. */
export function mergeInto(bytes: Uint8Array, offset: number, length: number, registers: Uint8Array): boolean {
  const start = offset + HEADER_BYTES;
  if (encodingAt(bytes, offset) !== DENSE) {
    return mergeSparse(bytes, start, length - HEADER_BYTES, registers);
  }
  mergeDense(bytes, start, registers);
  return true;
}

/** The number of elements that a value has seen, estimated; NaN if it is corrupt. */
export function cardinalityOf(bytes: Uint8Array, offset: number, length: number): number {
  const start = offset + HEADER_BYTES;
  histogram.fill(0);
  if (encodingAt(bytes, offset) === DENSE) countDense(bytes, start, histogram);
  else if (!countSparse(bytes, start, length - HEADER_BYTES, histogram)) return Number.NaN;
  return estimateCardinality(histogram);
}

/** The number of elements that registers, a byte each, have seen, estimated. */
export function cardinalityOfRegisters(registers: Uint8Array): number {
  histogram.fill(0);
  for (let register = 0; register < registers.length; register++) histogram[registers[register]]++;
  return estimateCardinality(histogram);
}
