import { createHash } from 'node:crypto';
import { latin1Bytes } from '../base/bytes.ts';
import { secretEquals } from '../base/random.ts';
import { splitArguments } from '../base/split-arguments.ts';
import type { Denial, UserRecord } from '../command-table/access.ts';
import type { Command } from '../command-table/command.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { Categories } from './categories.ts';
import { CommandUse } from './command-use.ts';
import { Selector } from './selector.ts';

const NO_SUCH_PASSWORD = 'The password you are trying to remove from the user does not exist';
const INVALID_HASH =
  'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters';

/** Of what was denied by several selectors, the highest is told. */
const DENIAL_RANKS: Readonly<Record<Denial, number>> = { command: 0, key: 1, channel: 2 };

/** The call that is being checked; one is enough, since a check is done before the next begins. */
const use = new CommandUse();

function hashOf(password: Uint8Array): string {
  return createHash('sha256').update(password).digest('hex');
}

/** A user: how it proves itself, and what it may do (acl.c). Passwords are kept as their hashes only. */
export class AclUser implements UserRecord {
  readonly name: string;
  isEnabled = false;
  isPasswordless = false;
  passwords: string[] = [];
  isUnrestricted = false;
  deniedAt = 0;
  #isSanitized = true;
  #selectors: Selector[];
  readonly #categories: Categories;
  readonly #newSelector: () => Selector;

  /**
   * A user that may do nothing and can't authenticate. `channelsAllowed` says whether new rules begin with every channel
   * (`acl-pubsub-default`).
   */
  constructor(name: string, categories: Categories, channelsAllowed: () => boolean) {
    this.name = name;
    this.#categories = categories;
    this.#newSelector = () => new Selector(this.#categories, channelsAllowed());
    this.#selectors = [this.#newSelector()];
  }

  get selectors(): readonly Selector[] {
    return this.#selectors;
  }

  get flags(): readonly string[] {
    const flags = [this.isEnabled ? 'on' : 'off'];
    if (this.isPasswordless) flags.push('nopass');
    flags.push(this.#isSanitized ? 'sanitize-payload' : 'skip-sanitize-payload');
    return flags;
  }

  /** Takes over everything of another user but its name. */
  copyFrom(other: AclUser): void {
    this.isEnabled = other.isEnabled;
    this.isPasswordless = other.isPasswordless;
    this.passwords = [...other.passwords];
    this.#isSanitized = other.#isSanitized;
    this.#selectors = other.#selectors.map((selector) => selector.clone());
    this.#refresh();
  }

  /** The rules that make this user, as ACL LIST shows them. */
  describe(): string {
    const [own, ...others] = this.#selectors.map((selector) => selector.describe());
    const passwords = this.passwords.map((hash) => `#${hash}`);
    return [...this.flags, ...passwords, own, ...others.map((text) => `(${text})`)].join(' ');
  }

  /** Whether the user may come in with this password. */
  accepts(password: Uint8Array): boolean {
    if (!this.isEnabled) return false;
    if (this.isPasswordless) return true;
    const hash = Buffer.from(hashOf(password));
    let isRight = false;
    for (const known of this.passwords) if (secretEquals(hash, Buffer.from(known))) isRight = true;
    return isRight;
  }

  /** Takes a rule of ACL SETUSER; a text says why it was not taken. */
  apply(rule: string): string | undefined {
    const reason = this.#apply(rule);
    this.#refresh();
    return reason;
  }

  check(command: Command, words: Arguments): Denial | null {
    use.of(command, words);
    let denial: Denial = 'command';
    let deniedAt = 0;
    const selectors = this.#selectors;
    for (let at = 0; at < selectors.length; at++) {
      const found = selectors[at].check(use);
      if (found === null) return null;
      const rank = DENIAL_RANKS[found] - DENIAL_RANKS[denial];
      if (rank > 0 || (rank === 0 && use.deniedAt > deniedAt)) {
        denial = found;
        deniedAt = use.deniedAt;
      }
    }
    this.deniedAt = deniedAt;
    return denial;
  }

  canReadKeyspace(command: Command, words: Arguments): boolean {
    use.of(command, words);
    return this.#selectors.some((selector) => selector.allowsReadingAllKeys && selector.check(use) === null);
  }

  canUseChannel(bytes: Uint8Array, offset: number, length: number, isPattern: boolean): boolean {
    return this.#selectors.some((selector) => selector.allowsChannel(bytes, offset, length, isPattern));
  }

  /** Whether every channel that `before` allowed is allowed still, as far as the patterns tell. */
  keepsChannelsOf(before: AclUser): boolean {
    if (this.#selectors.some((selector) => selector.allowsAllChannels)) return true;
    const patterns = new Set(this.#selectors.flatMap((selector) => selector.channelPatterns));
    return before.#selectors.every((selector) => selector.hasChannelsWithin(patterns));
  }

  #refresh(): void {
    this.isUnrestricted = this.#selectors.some((selector) => selector.isUnrestricted);
  }

  #apply(rule: string): string | undefined {
    switch (rule.toLowerCase()) {
      case '':
        return undefined;
      case 'on':
      case 'off':
        this.isEnabled = rule.length === 2;
        return undefined;
      case 'sanitize-payload':
      case 'skip-sanitize-payload':
        this.#isSanitized = /^sa/i.test(rule);
        return undefined;
      case 'nopass':
      case 'resetpass':
        this.isPasswordless = /^n/i.test(rule);
        this.passwords = [];
        return undefined;
      case 'clearselectors':
        this.#selectors.length = 1;
        return undefined;
      case 'reset':
        this.isEnabled = false;
        this.isPasswordless = false;
        this.passwords = [];
        this.#isSanitized = true;
        this.#selectors = [this.#newSelector()];
        return undefined;
    }
    switch (rule[0]) {
      case '>':
      case '#':
        return this.#addPassword(rule);
      case '<':
      case '!':
        return this.#removePassword(rule);
    }
    if (rule.startsWith('(') && rule.endsWith(')')) return this.#addSelector(rule.slice(1, -1));
    return this.#selectors[0].apply(rule);
  }

  /** The hash of a rule's password, or the hash that the rule gives; undefined if that is none. */
  #hashIn(rule: string): string | undefined {
    if (rule[0] === '>' || rule[0] === '<') return hashOf(latin1Bytes(rule.slice(1)));
    return /^[0-9a-f]{64}$/.test(rule.slice(1)) ? rule.slice(1) : undefined;
  }

  #addPassword(rule: string): string | undefined {
    const hash = this.#hashIn(rule);
    if (hash === undefined) return INVALID_HASH;
    if (!this.passwords.includes(hash)) this.passwords.push(hash);
    this.isPasswordless = false;
    return undefined;
  }

  #removePassword(rule: string): string | undefined {
    const hash = this.#hashIn(rule);
    if (hash === undefined) return INVALID_HASH;
    const at = this.passwords.indexOf(hash);
    if (at < 0) return NO_SUCH_PASSWORD;
    this.passwords.splice(at, 1);
    return undefined;
  }

  #addSelector(text: string): string | undefined {
    const selector = this.#newSelector();
    const bytes = latin1Bytes(text);
    for (const rule of splitArguments(bytes, 0, bytes.length) ?? []) {
      const reason = selector.apply(Buffer.from(rule).toString('latin1'));
      if (reason !== undefined) return reason;
    }
    this.#selectors.push(selector);
    return undefined;
  }
}
