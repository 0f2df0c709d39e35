import { errorReason, exists, readText, writeAtomic } from '../base/files.ts';
import type { Directive } from './directive.ts';
import { type ConfigValues, DIRECTIVES, type DirectiveName, FILE_DIRECTIVES } from './directives.ts';
import { allSettings, ConfigError, matches, readCommandLine, type Setting } from './parse.ts';
import { type RewrittenDirective, rewriteText } from './rewrite.ts';
import { InvalidValue } from './value-types.ts';

interface Row {
  readonly name: DirectiveName;
  readonly directive: Directive<unknown>;
}

const ROWS: readonly Row[] = (Object.keys(DIRECTIVES) as DirectiveName[]).map((name) => ({
  name,
  directive: DIRECTIVES[name],
}));

/** Rows by every name that they go by, in the table's order. */
const ROWS_BY_NAME: ReadonlyMap<string, Row> = new Map(
  ROWS.flatMap((row) => [row.name, ...row.directive.aliases].map((name) => [name, row])),
);

/** Puts a changed value into force; a text refuses it, with the reason. */
type Apply = () => string | undefined;

interface Hook {
  readonly names: readonly DirectiveName[];
  readonly apply: Apply;
}

/**
 * The configuration in force.
 *
 * `values` is a plain object with a property for each directive, by its full name and with its own type; it is the same
 * object for life, so a reader may keep it. It is changed only by loading, and by `set`.
 */
export class Config {
  readonly values: Readonly<ConfigValues>;
  /** The file that was loaded, as an absolute path, or undefined. */
  readonly file: string | undefined;
  /** What loading has to say: directives that were accepted but do nothing. To be logged once the log is open. */
  readonly warnings: readonly string[];
  /** The `user` lines of the file and the command line, each with its name and rules. */
  readonly users: readonly Setting[];
  /** The `rename-command` lines. */
  readonly renames: readonly Setting[];
  /** Told of directives that CONFIG SET accepted but that do nothing. */
  onWarning: (message: string) => void = () => {};

  readonly #values: Record<string, unknown>;
  readonly #hooks: Hook[] = [];

  /**
   * Loads what a command line of redis-server's form stands for (see {@link readCommandLine}); an empty one gives the
   * defaults. Throws {@link ConfigError}, whose message is ready for standard error.
   */
  constructor(args: readonly string[] = []) {
    // An object made by fromEntries keeps fast properties however many it has; one that is filled doesn't.
    this.#values = Object.fromEntries(ROWS.map((row) => [row.name, row.directive.default]));
    this.#values.dir = process.cwd();
    this.values = this.#values as ConfigValues;
    const commandLine = readCommandLine(args);
    this.file = commandLine.file;
    const fileOnly: Setting[] = [];
    this.warnings = this.#load(allSettings(commandLine), fileOnly);
    this.users = fileOnly.filter(({ name }) => name === 'user');
    this.renames = fileOnly.filter(({ name }) => name === 'rename-command');
  }

  #load(settings: Iterable<Setting>, fileOnly: Setting[]): string[] {
    const origins = new Map<Row, Setting>();
    for (const setting of settings) {
      const row = ROWS_BY_NAME.get(setting.name);
      if (row === undefined) {
        checkFileDirective(setting);
        fileOnly.push(setting);
        continue;
      }
      try {
        this.#values[row.name] = parseValue(row, setting.words, this.#values[row.name], origins.has(row));
      } catch (error) {
        throw error instanceof InvalidValue ? new ConfigError(error.message, setting) : error;
      }
      origins.set(row, setting);
    }
    // The tier holds the data set then, and a snapshot by itself would only read all of it.
    if (this.#values['enable-flex'] === true && !origins.has(ROWS_BY_NAME.get('save') as Row))
      this.#values.save = [];
    return [...origins]
      .filter(([row]) => this.#isWithoutEffect(row))
      .map(([row, { source, line }]) => `${source}${line === 0 ? '' : `, line ${line}`}: ${noEffect(row)}`);
  }

  /** Whether a directive has been set to something that it would do, were it there. */
  #isWithoutEffect(row: Row): boolean {
    return row.directive.support === 'accepted' && !this.#isDefault(row);
  }

  #isDefault(row: Row): boolean {
    return this.#format(row) === row.directive.type.format(row.directive.default);
  }

  #format(row: Row): string {
    return row.directive.type.format(this.#values[row.name]);
  }

  /**
   * The names and values that CONFIG GET answers to these words, which are names or glob patterns. An alias is given
   * beside the name if both match, and a name without wildcards as it was asked for.
   */
  get(patterns: readonly string[]): [string, string][] {
    const found = new Map<string, [string, string]>();
    const add = (name: string, row: Row): void => {
      const key = name.toLowerCase();
      if (!found.has(key)) found.set(key, [name, this.#format(row)]);
    };
    for (const pattern of patterns) {
      if (/[*?[]/.test(pattern)) {
        for (const [name, row] of ROWS_BY_NAME) {
          if (!row.directive.isHidden && matches(pattern, name, true)) add(name, row);
        }
      } else {
        const row = ROWS_BY_NAME.get(pattern.toLowerCase());
        if (row !== undefined) add(pattern, row);
      }
    }
    return [...found.values()];
  }

  /**
   * Changes directives as CONFIG SET does: all of them or, with an error text to reply, none. `isLocal` says whether
   * who asks is on this machine, which `enable-protected-configs` may ask for.
   */
  set(pairs: readonly (readonly [string, string])[], isLocal = true): string | undefined {
    const changes = new Map<Row, unknown>();
    for (const [name, text] of pairs) {
      const row = ROWS_BY_NAME.get(name.toLowerCase());
      if (row === undefined) return `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
      const reason = this.#reasonToRefuse(row, changes, isLocal);
      if (reason !== undefined) return setError(name, reason);
      changes.set(row, text);
    }
    for (const [row, text] of changes) {
      try {
        changes.set(row, parseValue(row, [text as string], this.#values[row.name], false));
      } catch (error) {
        if (error instanceof InvalidValue) return setError(row.name, error.message);
        throw error;
      }
    }
    return this.#change(changes);
  }

  #reasonToRefuse(row: Row, changes: ReadonlyMap<Row, unknown>, isLocal: boolean): string | undefined {
    if (row.directive.isImmutable) return "can't set immutable config";
    if (row.directive.isProtected) {
      const allowed = this.values['enable-protected-configs'];
      if (allowed === 'no' || (allowed === 'local' && !isLocal)) return "can't set protected config";
    }
    return changes.has(row) ? 'duplicate parameter' : undefined;
  }

  #change(changes: ReadonlyMap<Row, unknown>): string | undefined {
    const before = new Map<Row, unknown>();
    for (const [row, value] of changes) {
      const previous = this.#values[row.name];
      const { type, isVolatile } = row.directive;
      if (isVolatile || type.format(previous) !== type.format(value)) before.set(row, previous);
      this.#values[row.name] = value;
    }
    const changed = [...before.keys()].map((row) => row.name);
    const applied: Hook[] = [];
    for (const hook of this.#hooks) {
      const cause = changed.find((name) => hook.names.includes(name));
      if (cause === undefined) continue;
      applied.push(hook);
      const reason = hook.apply();
      if (reason === undefined) continue;
      for (const [row, previous] of before) this.#values[row.name] = previous;
      // What can't be undone either stays as it is: the values are right, and the next change tries again.
      for (const hookToUndo of applied) hookToUndo.apply();
      return setError(cause, reason);
    }
    for (const row of before.keys())
      if (this.#isWithoutEffect(row)) this.onWarning(`CONFIG SET: ${noEffect(row)}`);
    return undefined;
  }

  /**
   * Calls `apply` once for each CONFIG SET that changes one of these directives; `values` has the new ones by then. If
   * it returns a text, all changes of that command are taken back, the text is the reason in the reply, and what was
   * applied is applied again with the values of before.
   */
  onChange(names: DirectiveName | readonly DirectiveName[], apply: Apply): void {
    this.#hooks.push({ names: typeof names === 'string' ? [names] : names, apply });
  }

  /** Whether the value of this directive or alias must not be shown in logs. */
  isSensitive(name: string): boolean {
    return ROWS_BY_NAME.get(name.toLowerCase())?.directive.isSensitive === true;
  }

  /**
   * Writes the values in force to the file that was loaded, as CONFIG REWRITE does, with `userLines` (one character per byte)
   * in place of its `user` lines, which stay where none are given; with `isComplete` also defaults that the file does not mention.
   * A text is the error to reply.
   */
  rewrite(userLines?: readonly string[], isComplete = false): string | undefined {
    if (this.file === undefined) return 'ERR The server is running without a config file';
    try {
      const old = exists(this.file) ? readText(this.file) : '';
      const directives: RewrittenDirective[] = ROWS.map((row) => ({
        name: row.name,
        lines: row.directive.type.lines(this.#values[row.name]).map((line) => `${row.name} ${line}`),
        isForced: isComplete || !this.#isDefault(row),
      }));
      if (userLines !== undefined) {
        const lines = userLines.map((line) => Buffer.from(line, 'latin1').toString('utf8'));
        directives.push({ name: 'user', lines, isForced: true });
      }
      writeAtomic(
        this.file,
        rewriteText(
          old,
          directives,
          (word) => (word === 'user' && userLines !== undefined ? word : ROWS_BY_NAME.get(word)?.name),
          (word) => Object.hasOwn(FILE_DIRECTIVES, word),
        ),
      );
      return undefined;
    } catch (error) {
      return `ERR Rewriting config file: ${errorReason(error)}`;
    }
  }
}

function setError(name: string, reason: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
}

function noEffect(row: Row): string {
  return `'${row.name}' is accepted but has no effect: Thermocline does not have what it governs`;
}

function notSupported(name: string): string {
  return `'${name}' asks for what Thermocline does not support yet, and ignoring it could surprise`;
}

function parseValue(row: Row, given: readonly string[], current: unknown, repeated: boolean): unknown {
  const { type, support } = row.directive;
  if (!type.takesManyWords && given.length !== 1) throw new InvalidValue('wrong number of arguments');
  const words = type.takesManyWords && given.length === 1 ? given[0].split(' ') : given;
  const value = type.parse(words, current, repeated);
  const isDefault = type.format(value) === type.format(row.directive.default);
  if (support === 'refused' && !isDefault && !row.directive.isHarmless(value)) {
    throw new InvalidValue(notSupported(row.name));
  }
  return value;
}

function checkFileDirective(setting: Setting): void {
  const row = Object.hasOwn(FILE_DIRECTIVES, setting.name) ? FILE_DIRECTIVES[setting.name] : undefined;
  if (row === undefined) throw new ConfigError('Bad directive or wrong number of arguments', setting);
  if (row.support === 'refused') throw new ConfigError(notSupported(setting.name), setting);
}
