import { equalBytes, equalsIgnoringCase, latin1Bytes } from '../base/bytes.ts';
import { globMatch } from '../base/glob.ts';
import type { Denial, SelectorRecord } from '../command-table/access.ts';
import { type Command, IS_ALLOWED_UNAUTHENTICATED } from '../command-table/command.ts';
import type { KeyFlag } from '../command-table/row.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { Categories } from './categories.ts';
import { type CommandUse, channelArguments } from './command-use.ts';

/** Permissions on a key. */
export const MAY_READ = 1;
export const MAY_WRITE = 2;

/** Why a rule was not taken, as Redis words it (acl.c, ACLSetUserStringError). */
export const UNKNOWN_COMMAND = 'Unknown command or category name in ACL';
export const RULE_SYNTAX = 'Syntax error';
const AFTER_ALL_KEYS =
  "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns";
const AFTER_ALL_CHANNELS =
  "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels";
const FIRST_ARGUMENT_OF_SUBCOMMAND = 'Allowing first-arg of a subcommand is not supported';

interface Pattern {
  readonly text: string;
  readonly bytes: Uint8Array;
}

interface KeyPattern extends Pattern {
  /** MAY_READ, MAY_WRITE or both. */
  permissions: number;
}

/** Whether a name or pattern holds what would make rules ambiguous: white space or a zero byte. */
export function hasSpace(text: string): boolean {
  return /[\0\t-\r ]/.test(text);
}

/** The permissions that a command's use of a key asks for. */
function permissionsOf(flags: readonly KeyFlag[]): number {
  let permissions = 0;
  for (let at = 0; at < flags.length; at++) {
    const flag = flags[at];
    if (flag === 'access') permissions |= MAY_READ;
    else if (flag === 'insert' || flag === 'delete' || flag === 'update') permissions |= MAY_WRITE;
  }
  return permissions;
}

/**
 * A set of rules by which commands are allowed: some commands, with some keys and channels (acl.c, aclSelector). What one
 * selector of a user allows, the user may do.
 */
export class Selector implements SelectorRecord {
  #allowsAllCommands = false;
  #allowsAllKeys = false;
  #allowsAllChannels: boolean;
  /** The commands begin with `+@all`: those of which no rule speaks are allowed. */
  #isSubtractive = false;
  /** By a command's id: 1 if it is allowed. */
  #allowed: Uint8Array;
  /** By a command's id: first arguments, in lower case, with which a command is allowed that is not as such. */
  #firstArguments = new Map<number, string[]>();
  #keys: KeyPattern[] = [];
  #channels: Pattern[] = [];
  /** Rules about commands in the order in which they were given, without those that later ones made void. */
  #commandRules: string[] = [];
  readonly #categories: Categories;

  /** Allows nothing but, if asked for, every channel. */
  constructor(categories: Categories, allowsAllChannels: boolean) {
    this.#categories = categories;
    this.#allowsAllChannels = allowsAllChannels;
    this.#allowed = new Uint8Array(categories.table.all.length);
  }

  clone(): Selector {
    const copy = new Selector(this.#categories, this.#allowsAllChannels);
    copy.#allowsAllCommands = this.#allowsAllCommands;
    copy.#allowsAllKeys = this.#allowsAllKeys;
    copy.#isSubtractive = this.#isSubtractive;
    copy.#allowed = this.#allowed.slice();
    copy.#firstArguments = new Map([...this.#firstArguments].map(([id, words]) => [id, [...words]]));
    copy.#keys = this.#keys.map((pattern) => ({ ...pattern }));
    copy.#channels = [...this.#channels];
    copy.#commandRules = [...this.#commandRules];
    return copy;
  }

  /** Everything is allowed. */
  get isUnrestricted(): boolean {
    return this.#allowsAllCommands && this.#allowsAllKeys && this.#allowsAllChannels;
  }

  get allowsAllChannels(): boolean {
    return this.#allowsAllChannels;
  }

  /** Whether every pattern of channels of this selector is one of `patterns`. */
  hasChannelsWithin(patterns: ReadonlySet<string>): boolean {
    return !this.#allowsAllChannels && this.#channels.every(({ text }) => patterns.has(text));
  }

  /** The patterns of channels. */
  get channelPatterns(): string[] {
    return this.#channels.map(({ text }) => text);
  }

  get commands(): string {
    return [this.#isSubtractive ? '+@all' : '-@all', ...this.#commandRules].join(' ');
  }

  get keys(): string {
    return this.#allowsAllKeys ? '~*' : this.#keys.map(describeKeyPattern).join(' ');
  }

  get channels(): string {
    return this.#allowsAllChannels ? '&*' : this.#channels.map(({ text }) => `&${text}`).join(' ');
  }

  /** The rules that make this selector, as ACL LIST shows them. */
  describe(): string {
    const { keys } = this;
    const channels = this.#allowsAllChannels ? '&*' : ['resetchannels', this.channels].join(' ').trimEnd();
    return `${keys === '' ? '' : `${keys} `}${channels} ${this.commands}`;
  }

  /** Takes a rule; a text says why it was not taken. */
  apply(rule: string): string | undefined {
    switch (rule.toLowerCase()) {
      case 'allkeys':
      case '~*':
        this.#allowsAllKeys = true;
        this.#keys = [];
        return undefined;
      case 'resetkeys':
        this.#allowsAllKeys = false;
        this.#keys = [];
        return undefined;
      case 'allchannels':
      case '&*':
        this.#allowsAllChannels = true;
        this.#channels = [];
        return undefined;
      case 'resetchannels':
        this.#allowsAllChannels = false;
        this.#channels = [];
        return undefined;
      case 'allcommands':
      case '+@all':
        this.#setAllCommands(true);
        return undefined;
      case 'nocommands':
      case '-@all':
        this.#setAllCommands(false);
        return undefined;
    }
    if (rule[0] === '~' || rule[0] === '%') return this.#addKeyPattern(rule);
    if (rule[0] === '&') return this.#addChannelPattern(rule.slice(1));
    if (rule[0] !== '+' && rule[0] !== '-') return RULE_SYNTAX;
    const isAllowed = rule[0] === '+';
    if (rule[1] === '@') return this.#setCategory(rule.slice(1), isAllowed);
    if (isAllowed && rule.includes('|')) return this.#allowPart(rule.slice(1));
    const command = this.#find(rule.slice(1));
    if (command === null) return UNKNOWN_COMMAND;
    this.#setCommand(command, isAllowed);
    this.#keepRule(command.fullName, isAllowed);
    return undefined;
  }

  /** Whether a call is allowed; leaves in `use.deniedAt` which argument is not. */
  check(use: CommandUse): Denial | null {
    const { command, words } = use;
    if (
      !this.#allowsAllCommands &&
      this.#allowed[command.id] === 0 &&
      (command.bits & IS_ALLOWED_UNAUTHENTICATED) === 0 &&
      !this.#allowsFirstArgument(command, words)
    ) {
      return 'command';
    }
    if (!this.#allowsAllKeys && command.row.keys.length > 0) {
      const { positions, specs } = use.keys;
      for (let at = 0; at < positions.length; at++) {
        const spec = specs[at];
        const permissions = permissionsOf(spec.flagsOf?.(words) ?? spec.flags);
        const position = positions[at];
        if (this.#allowsKey(words.buffer, words.offsets[position], words.lengths[position], permissions))
          continue;
        use.deniedAt = position;
        return 'key';
      }
    }
    if (!this.#allowsAllChannels) {
      const channels = channelArguments(command);
      if (channels === undefined) return null;
      const end = channels.isMany ? words.count : 2;
      for (let at = 1; at < end; at++) {
        const isAllowed = this.allowsChannel(
          words.buffer,
          words.offsets[at],
          words.lengths[at],
          channels.isPattern,
        );
        if (isAllowed) continue;
        use.deniedAt = at;
        return 'channel';
      }
    }
    return null;
  }

  /** Whether every key may be read. */
  get allowsReadingAllKeys(): boolean {
    return (
      this.#allowsAllKeys ||
      this.#keys.some(({ text, permissions }) => text === '*' && (permissions & MAY_READ) !== 0)
    );
  }

  /** Whether a channel may be used. A pattern is not matched but must be one of the selector's. */
  allowsChannel(bytes: Uint8Array, offset: number, length: number, isPattern: boolean): boolean {
    if (this.#allowsAllChannels) return true;
    const channels = this.#channels;
    for (let at = 0; at < channels.length; at++) {
      const pattern = channels[at].bytes;
      const matches = isPattern
        ? pattern.length === length && equalBytes(pattern, 0, bytes, offset, length)
        : globMatch(pattern, 0, pattern.length, bytes, offset, length, false);
      if (matches) return true;
    }
    return false;
  }

  #allowsKey(bytes: Uint8Array, offset: number, length: number, permissions: number): boolean {
    const keys = this.#keys;
    for (let at = 0; at < keys.length; at++) {
      const { bytes: pattern, permissions: given } = keys[at];
      if ((given & permissions) !== permissions) continue;
      if (globMatch(pattern, 0, pattern.length, bytes, offset, length, false)) return true;
    }
    return false;
  }

  #allowsFirstArgument(command: Command, words: Arguments): boolean {
    const allowed = this.#firstArguments.get(command.id);
    if (allowed === undefined || words.count < 2) return false;
    for (let at = 0; at < allowed.length; at++) {
      if (equalsIgnoringCase(words.buffer, words.offsets[1], words.lengths[1], allowed[at])) return true;
    }
    return false;
  }

  #find(name: string): Command | null {
    return name.split('|').length > 2 ? null : this.#categories.table.named(name);
  }

  #setAllCommands(isAllowed: boolean): void {
    this.#allowed.fill(isAllowed ? 1 : 0);
    this.#allowsAllCommands = isAllowed;
    this.#isSubtractive = isAllowed;
    this.#commandRules = [];
    this.#firstArguments.clear();
  }

  /** Allows or denies a command and its subcommands. */
  #setCommand(command: Command, isAllowed: boolean): void {
    this.#setOne(command, isAllowed);
    for (const subcommand of command.subcommands?.commands ?? []) this.#setOne(subcommand, isAllowed);
  }

  #setOne(command: Command, isAllowed: boolean): void {
    this.#allowed[command.id] = isAllowed ? 1 : 0;
    this.#firstArguments.delete(command.id);
    if (!isAllowed) this.#allowsAllCommands = false;
  }

  #setCategory(name: string, isAllowed: boolean): string | undefined {
    const commands = this.#categories.reachOf(name.slice(1));
    if (commands === undefined) return UNKNOWN_COMMAND;
    for (const command of commands) this.#setOne(command, isAllowed);
    this.#keepRule(name, isAllowed);
    return undefined;
  }

  /** Allows `command|subcommand`, or a command with that first argument. */
  #allowPart(name: string): string | undefined {
    const bar = name.lastIndexOf('|');
    const command = this.#find(name.slice(0, bar));
    const part = name.slice(bar + 1);
    if (command === null) return UNKNOWN_COMMAND;
    if (command.parent !== undefined) return FIRST_ARGUMENT_OF_SUBCOMMAND;
    if (part === '') return RULE_SYNTAX;
    if (command.subcommands !== undefined) {
      const subcommand = this.#find(name);
      if (subcommand === null) return UNKNOWN_COMMAND;
      this.#setCommand(subcommand, true);
    } else {
      const allowed = this.#firstArguments.get(command.id) ?? [];
      if (!allowed.includes(part.toLowerCase())) allowed.push(part.toLowerCase());
      this.#firstArguments.set(command.id, allowed);
    }
    this.#keepRule(name, true);
    return undefined;
  }

  /** Remembers a rule, and forgets those that it makes void: the same command's, and its subcommands'. */
  #keepRule(name: string, isAllowed: boolean): void {
    const kept = name.toLowerCase();
    this.#commandRules = this.#commandRules.filter((rule) => {
      const old = rule.slice(1);
      return old !== kept && !old.startsWith(`${kept}|`);
    });
    this.#commandRules.push(`${isAllowed ? '+' : '-'}${kept}`);
  }

  #addKeyPattern(rule: string): string | undefined {
    if (this.#allowsAllKeys) return AFTER_ALL_KEYS;
    let permissions = MAY_READ | MAY_WRITE;
    let text = rule.slice(1);
    if (rule[0] === '%') {
      const [, letters, rest] = /^%([rw]*)(?:~([\s\S]*))?$/i.exec(rule) ?? [];
      if (!/^(r|w|rw|wr)$/i.test(letters ?? '')) return RULE_SYNTAX;
      permissions = (/r/i.test(letters) ? MAY_READ : 0) | (/w/i.test(letters) ? MAY_WRITE : 0);
      text = rest ?? '';
    }
    if (hasSpace(text)) return RULE_SYNTAX;
    const same = this.#keys.find((pattern) => pattern.text === text);
    if (same === undefined) this.#keys.push({ text, bytes: latin1Bytes(text), permissions });
    else same.permissions |= permissions;
    return undefined;
  }

  #addChannelPattern(text: string): string | undefined {
    if (this.#allowsAllChannels) return AFTER_ALL_CHANNELS;
    if (hasSpace(text)) return RULE_SYNTAX;
    if (!this.#channels.some((pattern) => pattern.text === text))
      this.#channels.push({ text, bytes: latin1Bytes(text) });
    return undefined;
  }
}

function describeKeyPattern({ text, permissions }: KeyPattern): string {
  if (permissions === MAY_READ) return `%R~${text}`;
  return permissions === MAY_WRITE ? `%W~${text}` : `~${text}`;
}
