const NOBODY = new Int32Array(new SharedArrayBuffer(4));

/** Holds the whole process up for so many milliseconds, parts of one too: for tests of what others see meanwhile. */
export function sleep(milliseconds: number): void {
  if (milliseconds > 0) Atomics.wait(NOBODY, 0, 0, milliseconds);
}
