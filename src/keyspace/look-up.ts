/** How `Database.find` looks a key up: bits, and what commands make of them. */

/** `find` records the access in the key's history. */
export const TOUCH = 1;
/** `find` counts as a keyspace hit or miss. */
export const COUNT = 2;
/** `find` may promote a cold key that has earned it. */
export const PROMOTE = 4;
/** A miss that `find` counts is not told as a keyspace event. */
export const QUIET = 8;
/**
 * A key whose cold record can't be read, damaged as it is, is found all the same, if its hash (35 bits) is that of the name: the
 * caller removes or replaces it, whatever it holds.
 */
export const REPLACE = 16;

/** How a command that reads a value looks up. */
export const READ = TOUCH | COUNT | PROMOTE;
/** How a command that looks at a key without using it looks up (TTL, TYPE, OBJECT). */
export const PEEK = COUNT;
/** How a command that is about to change a key looks up. */
export const WRITE = TOUCH;
/** How a command looks up a key that it writes whatever it holds. */
export const OVERWRITE = TOUCH | REPLACE;
