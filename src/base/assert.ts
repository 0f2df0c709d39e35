/** Asserts an invariant, in production too: a broken one is a bug, and going on would cost data. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Thrown by {@link assert}; ends the process through the crash report. */
export class AssertionError extends Error {
  override name = 'AssertionError';
}
