/** Bytes that are not what Redis writes: cut short, out of bounds, of an unknown type, or not loadable here. */
export class RdbError extends Error {
  override name = 'RdbError';
}
