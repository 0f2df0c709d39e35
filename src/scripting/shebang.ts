import { latin1 } from '../base/bytes.ts';
import { splitArguments } from '../base/split-arguments.ts';
import { ReplyError } from '../resp/reply.ts';
import { type ScriptFlags, scriptFlags } from './script-run.ts';

const LINE_FEED = 10;

function hasShebang(code: Uint8Array): boolean {
  return code.length >= 2 && code[0] === 35 && code[1] === 33;
}

/** What the first line of a script, `#!lua flags=…`, says, and where the code after it begins. */
export function scriptShebang(body: Uint8Array): {
  readonly codeAt: number;
  readonly flags: ScriptFlags | null;
} {
  if (!hasShebang(body)) return { codeAt: 0, flags: null };
  const codeAt = body.indexOf(LINE_FEED);
  if (codeAt < 0) throw new ReplyError('ERR Invalid script shebang');
  const words = splitArguments(body, 0, codeAt);
  if (words === undefined || words.length === 0) throw new ReplyError('ERR Invalid engine in script shebang');
  const [engine, ...options] = words.map((word) => latin1(word, 0, word.length));
  if (engine !== '#!lua') throw new ReplyError(`ERR Unexpected engine in script shebang: ${engine}`);
  const names: string[] = [];
  for (const option of options) {
    if (!option.startsWith('flags=')) throw new ReplyError(`ERR Unknown lua shebang option: ${option}`);
    const list = option.slice('flags='.length);
    if (list !== '') names.push(...list.split(','));
  }
  const flags = scriptFlags(names);
  if (typeof flags === 'string') throw new ReplyError(`ERR Unexpected flag in script shebang: ${flags}`);
  return { codeAt, flags };
}

/** What the first line of a library, `#!lua name=…`, says, and where the code after it begins. */
export function libraryShebang(code: Uint8Array): {
  readonly codeAt: number;
  readonly engine: string;
  readonly name: string;
} {
  if (!hasShebang(code)) throw new ReplyError('ERR Missing library metadata');
  const codeAt = code.indexOf(LINE_FEED);
  const words = codeAt < 0 ? undefined : splitArguments(code, 0, codeAt);
  if (words === undefined || words.length === 0) throw new ReplyError('ERR Invalid library metadata');
  const [first, ...options] = words.map((word) => latin1(word, 0, word.length));
  let name: string | null = null;
  for (const option of options) {
    if (!/^name=/i.test(option)) throw new ReplyError(`ERR Invalid metadata value given: ${option}`);
    if (name !== null) {
      throw new ReplyError('ERR Invalid metadata value, name argument was given multiple times');
    }
    name = option.slice('name='.length);
  }
  if (name === null) throw new ReplyError('ERR Library name was not given');
  return { codeAt, engine: first.slice(2), name };
}
