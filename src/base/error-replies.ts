/** Error replies as Redis words them, without the dash (shared objects of server.c and the texts of its commands). */
export const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';
export const SYNTAX_ERROR = 'ERR syntax error';
export const LOADING = 'LOADING Redis is loading the dataset in memory';
export const NOT_AN_INTEGER = 'ERR value is not an integer or out of range';
export const NOT_A_FLOAT = 'ERR value is not a valid float';
export const NO_SUCH_KEY = 'ERR no such key';
export const OUT_OF_RANGE = 'ERR value is out of range';
export const OUT_OF_RANGE_POSITIVE = 'ERR value is out of range, must be positive';
export const OVERFLOW = 'ERR increment or decrement would overflow';
export const NUMKEYS_NOT_POSITIVE = 'ERR numkeys should be greater than 0';
export const NAN_OR_INFINITY = 'ERR increment would produce NaN or Infinity';
export const NOT_AUTHENTICATED = 'NOAUTH Authentication required.';
export const WRONG_PASSWORD = 'WRONGPASS invalid username-password pair or user is disabled.';
export const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
export const EXEC_ABORTED = 'EXECABORT Transaction discarded because of previous errors.';
export const STRING_TOO_LONG = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)';
export const OFFSET_OUT_OF_RANGE = 'ERR offset is out of range';
export const DATABASE_OUT_OF_RANGE = 'ERR DB index is out of range';
export const NO_DEBUGGER = 'ERR The Lua debugger is not supported';
export const SAME_OBJECT = 'ERR source and destination objects are the same';
export const INVALID_CURSOR = 'ERR invalid cursor';

export function wrongArity(fullName: string): string {
  return `ERR wrong number of arguments for '${fullName}' command`;
}

export function invalidExpire(fullName: string): string {
  return `ERR invalid expire time in '${fullName}' command`;
}

/** `shown` are the first arguments, quoted, each followed by a space. */
export function unknownCommand(name: string, shown: string): string {
  return `ERR unknown command '${name}', with args beginning with: ${shown}`;
}

export function unknownSubcommand(subcommand: string, container: string): string {
  return `ERR unknown subcommand '${subcommand.slice(0, 128)}'. Try ${container} HELP.`;
}
