/** A key's value, one character a byte, and when it expires: milliseconds, or -1. */
interface Item {
  value: string;
  expireAt: number;
}

const NOT_AN_INTEGER = error('ERR value is not an integer or out of range');
const NO_SUCH_KEY = error('ERR no such key');

/** A reply's bytes, one character each, or whether a reply is right where there is a choice. */
export type Expected = string | ((raw: string) => boolean);

/**
 * Redis's string and key commands on a plain Map. A key whose time has come is missing to commands, and there for DBSIZE until
 * the server tells that it removed it.
 */
export class Model {
  databases: Map<string, Item>[];
  /** The one that the client selected. */
  selected = 0;
  #nowMs = 0;

  constructor(databaseCount: number) {
    this.databases = Array.from({ length: databaseCount }, () => new Map());
  }

  /** The server removed a key of its own accord: it expired, or was evicted. */
  removed(database: number, key: string, event: string, nowMs: number): void {
    const item = this.databases[database].get(key);
    if (item === undefined) throw new Error(`${event} of a key that is not there: ${key}`);
    if (event === 'expired' && (item.expireAt < 0 || item.expireAt > nowMs))
      throw new Error(`expired before its time: ${key}`);
    this.databases[database].delete(key);
  }

  execute(words: readonly string[], nowMs: number): Expected {
    this.#nowMs = nowMs;
    const [name, ...rest] = words;
    const command = COMMANDS[name];
    if (command === undefined) throw new Error(`the model does not know ${name}`);
    return command(this, rest);
  }

  get here(): Map<string, Item> {
    return this.databases[this.selected];
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  find(key: string, database = this.selected): Item | undefined {
    const item = this.databases[database].get(key);
    return item === undefined || this.isGone(item) ? undefined : item;
  }

  isGone({ expireAt }: Item): boolean {
    return expireAt >= 0 && expireAt <= this.#nowMs;
  }

  put(key: string, value: string, expireAt = -1): void {
    this.here.set(key, { value, expireAt });
  }

  /** Gives a key an expiry; one in the past removes it. */
  expire(key: string, item: Item, expireAt: number): void {
    if (expireAt >= 0 && expireAt <= this.#nowMs) this.here.delete(key);
    else item.expireAt = expireAt;
  }

  add(key: string, by: bigint): string {
    const item = this.find(key);
    const old = item?.value ?? '0';
    if (!/^(0|-?[1-9]\d{0,17})$/.test(old)) return NOT_AN_INTEGER;
    const sum = (BigInt(old) + by).toString();
    this.put(key, sum, item?.expireAt);
    return integer(sum);
  }
}

type Command = (model: Model, words: string[]) => Expected;

const COMMANDS: Readonly<Record<string, Command>> = {
  GET: (model, [key]) => bulk(model.find(key)?.value),
  SET: (model, [key, value, ...options]) => {
    const item = model.find(key);
    const old = options.includes('GET') ? bulk(item?.value) : undefined;
    if ((options.includes('NX') && item !== undefined) || (options.includes('XX') && item === undefined))
      return old ?? bulk(undefined);
    let expireAt = options.includes('KEEPTTL') ? (item?.expireAt ?? -1) : -1;
    if (options.includes('PX')) expireAt = model.nowMs + Number(options[options.indexOf('PX') + 1]);
    model.put(key, value, expireAt);
    return old ?? '+OK\r\n';
  },
  SETNX: (model, [key, value]) => {
    if (model.find(key) !== undefined) return integer(0);
    model.put(key, value);
    return integer(1);
  },
  GETDEL: (model, [key]) => {
    const item = model.find(key);
    if (item !== undefined) model.here.delete(key);
    return bulk(item?.value);
  },
  GETEX: (model, [key, option, milliseconds]) => {
    const item = model.find(key);
    if (item === undefined) return bulk(undefined);
    const { value } = item;
    if (option === 'PERSIST') item.expireAt = -1;
    else model.expire(key, item, model.nowMs + Number(milliseconds));
    return bulk(value);
  },
  APPEND: (model, [key, tail]) => {
    const item = model.find(key);
    const value = (item?.value ?? '') + tail;
    model.put(key, value, item?.expireAt);
    return integer(value.length);
  },
  STRLEN: (model, [key]) => integer(model.find(key)?.value.length ?? 0),
  GETRANGE: (model, [key, from, to]) => {
    const value = model.find(key)?.value ?? '';
    const at = (text: string) => (Number(text) < 0 ? Math.max(0, value.length + Number(text)) : Number(text));
    return bulk(value.slice(at(from), at(to) + 1));
  },
  SETRANGE: (model, [key, offset, part]) => {
    const item = model.find(key);
    const old = item?.value ?? '';
    if (part === '') return integer(old.length);
    const at = Number(offset);
    const value = old.slice(0, at).padEnd(at, '\0') + part + old.slice(at + part.length);
    model.put(key, value, item?.expireAt);
    return integer(value.length);
  },
  INCRBY: (model, [key, by]) => model.add(key, BigInt(by)),
  MGET: (model, keys) => array(keys.map((key) => bulk(model.find(key)?.value))),
  MSET: (model, pairs) => {
    for (let at = 0; at < pairs.length; at += 2) model.put(pairs[at], pairs[at + 1]);
    return '+OK\r\n';
  },
  MSETNX: (model, pairs) => {
    for (let at = 0; at < pairs.length; at += 2) if (model.find(pairs[at]) !== undefined) return integer(0);
    COMMANDS.MSET(model, pairs);
    return integer(1);
  },
  DEL: (model, keys) =>
    integer(keys.filter((key) => model.find(key) !== undefined && model.here.delete(key)).length),
  UNLINK: (model, keys) => COMMANDS.DEL(model, keys),
  EXISTS: (model, keys) => integer(keys.filter((key) => model.find(key) !== undefined).length),
  TOUCH: (model, keys) => COMMANDS.EXISTS(model, keys),
  TYPE: (model, [key]) => (model.find(key) === undefined ? '+none\r\n' : '+string\r\n'),
  PEXPIRE: (model, [key, milliseconds, option]) => {
    const item = model.find(key);
    if (item === undefined) return integer(0);
    const expireAt = model.nowMs + Number(milliseconds);
    const isRefused =
      (option === 'NX' && item.expireAt >= 0) ||
      (option === 'XX' && item.expireAt < 0) ||
      (option === 'GT' && (item.expireAt < 0 || expireAt <= item.expireAt)) ||
      (option === 'LT' && item.expireAt >= 0 && expireAt >= item.expireAt);
    if (isRefused) return integer(0);
    model.expire(key, item, expireAt);
    return integer(1);
  },
  PERSIST: (model, [key]) => {
    const item = model.find(key);
    if (item === undefined || item.expireAt < 0) return integer(0);
    item.expireAt = -1;
    return integer(1);
  },
  PTTL: (model, [key]) => {
    const item = model.find(key);
    return integer(item === undefined ? -2 : item.expireAt < 0 ? -1 : item.expireAt - model.nowMs);
  },
  PEXPIRETIME: (model, [key]) => {
    const item = model.find(key);
    return integer(item === undefined ? -2 : item.expireAt);
  },
  RENAME: (model, [from, to]) => {
    const item = model.find(from);
    if (item === undefined) return NO_SUCH_KEY;
    model.here.delete(from);
    model.here.set(to, item);
    return '+OK\r\n';
  },
  RENAMENX: (model, [from, to]) => {
    if (model.find(from) === undefined) return NO_SUCH_KEY;
    if (model.find(to) !== undefined) return integer(0);
    COMMANDS.RENAME(model, [from, to]);
    return integer(1);
  },
  COPY: (model, [from, to, , number, option]) => {
    const database = Number(number);
    if (from === to && database === model.selected)
      return error('ERR source and destination objects are the same');
    const item = model.find(from);
    if (item === undefined) return integer(0);
    if (model.find(to, database) !== undefined && option !== 'REPLACE') return integer(0);
    model.databases[database].set(to, { ...item });
    return integer(1);
  },
  MOVE: (model, [key, number]) => {
    const database = Number(number);
    if (database === model.selected) return error('ERR source and destination objects are the same');
    const item = model.find(key);
    if (item === undefined || model.find(key, database) !== undefined) return integer(0);
    model.here.delete(key);
    model.databases[database].set(key, item);
    return integer(1);
  },
  SELECT: (model, [number]) => {
    model.selected = Number(number);
    return '+OK\r\n';
  },
  SWAPDB: (model, [left, right]) => {
    const { databases } = model;
    [databases[Number(left)], databases[Number(right)]] = [databases[Number(right)], databases[Number(left)]];
    return '+OK\r\n';
  },
  FLUSHDB: (model) => {
    model.databases[model.selected] = new Map();
    return '+OK\r\n';
  },
  FLUSHALL: (model) => {
    model.databases = model.databases.map(() => new Map());
    return '+OK\r\n';
  },
  DBSIZE: (model) => integer(model.here.size),
  RANDOMKEY: (model) => {
    const names = keysOf(model).map(bulk);
    return (raw) => (names.length === 0 ? raw === bulk(undefined) : names.includes(raw));
  },
  KEYS: (model, [pattern]) => {
    const prefix = pattern.slice(0, -1);
    const names = keysOf(model).filter((key) => key.startsWith(prefix));
    return (raw) => sameElements(raw, names);
  },
  // One walk over everything.
  SCAN: (model) => {
    const names = keysOf(model);
    const head = `*2\r\n${bulk('0')}`;
    return (raw) => raw.startsWith(head) && sameElements(raw.slice(head.length), names);
  },
  OBJECT: (model, [, key]) => {
    const item = model.find(key);
    if (item === undefined) return bulk(undefined);
    return (raw) => /^\$\d+\r\n(int|embstr|raw)\r\n$/.test(raw);
  },
  FLEX: (model, [name, ...keys]) => {
    if (name === 'TIER') {
      const isThere = model.here.has(keys[0]);
      return (raw) => (isThere ? /^\+(hot|warm|cold)\r\n$/.test(raw) : raw === bulk(undefined));
    }
    if (keys.length === 1 && model.find(keys[0]) === undefined) return NO_SUCH_KEY;
    return (raw) => /^:\d\r\n$/.test(raw);
  },
  CONFIG: () => '+OK\r\n',
};

/** Names of the keys that are there. */
function keysOf(model: Model): string[] {
  return [...model.here].filter(([, item]) => !model.isGone(item)).map(([key]) => key);
}

function sameElements(raw: string, names: readonly string[]): boolean {
  const head = `*${names.length}\r\n`;
  if (!raw.startsWith(head)) return false;
  const found = raw.slice(head.length).split('\r\n');
  const keys = found.filter((_, at) => at % 2 === 1);
  return keys.sort().join() === [...names].sort().join();
}

export function bulk(text: string | undefined): string {
  return text === undefined ? '$-1\r\n' : `$${text.length}\r\n${text}\r\n`;
}

export function array(parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.join('')}`;
}

function integer(value: number | string): string {
  return `:${value}\r\n`;
}

function error(text: string): string {
  return `-${text}\r\n`;
}
