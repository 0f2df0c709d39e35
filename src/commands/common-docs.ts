import type { ArgumentDoc } from '../command-table/row.ts';

/** Arguments that the documentation of several commands shares. */

export const KEY = { name: 'key', type: 'key', keySpec: 0 } as const satisfies ArgumentDoc;
export const KEYS = { ...KEY, multiple: true } as const satisfies ArgumentDoc;
export const VALUE = { name: 'value', type: 'string' } as const satisfies ArgumentDoc;

/** An argument of a type, such as an integer. */
export function argument(
  name: string,
  type: ArgumentDoc['type'],
  more: Partial<ArgumentDoc> = {},
): ArgumentDoc {
  return { name, type, ...more };
}

/** A word that stands for itself: its name in upper case. */
export function token(name: string, more: Partial<ArgumentDoc> = {}): ArgumentDoc {
  return { name, type: 'pure-token', token: name.toUpperCase(), ...more };
}

/** One of several arguments. */
export function oneOf(
  name: string,
  choices: readonly ArgumentDoc[],
  more: Partial<ArgumentDoc> = {},
): ArgumentDoc {
  return { name, type: 'oneof', arguments: choices, ...more };
}

/** Several arguments after each other. */
export function block(
  name: string,
  parts: readonly ArgumentDoc[],
  more: Partial<ArgumentDoc> = {},
): ArgumentDoc {
  return { name, type: 'block', arguments: parts, ...more };
}

const SECONDS = argument('seconds', 'integer', { token: 'EX' });
const MILLISECONDS = argument('milliseconds', 'integer', { token: 'PX' });
const UNIX_SECONDS = argument('unix-time-seconds', 'unix-time', { token: 'EXAT' });
const UNIX_MILLISECONDS = argument('unix-time-milliseconds', 'unix-time', { token: 'PXAT' });

/** The four ways to say when a key expires. */
export const EXPIRIES: readonly ArgumentDoc[] = [SECONDS, MILLISECONDS, UNIX_SECONDS, UNIX_MILLISECONDS];

export const OPTIONAL = { optional: true } as const;
