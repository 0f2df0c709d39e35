import type { Arguments } from '../resp/arguments.ts';
import type { Client } from './client.ts';
import type { Command } from './command.ts';
import type { Category } from './row.ts';

/** Why a user may not run a command: not the command itself, not with this key, or not with this channel. */
export type Denial = 'command' | 'key' | 'channel';

/** Where what was refused was going to run, as ACL LOG names it. */
export type DenialContext = 'toplevel' | 'multi' | 'lua' | 'module';

/** A user as the commands of its clients meet it. Names are strings of one character per byte. */
export interface User {
  readonly name: string;
  /** May run every command with every key and channel: there is nothing to check. */
  readonly isUnrestricted: boolean;
  /** Number of the argument with the key or channel that the last denial of {@link check} was about. */
  readonly deniedAt: number;
  /** Whether the user may run this call, which fits the command's arity: null, or why not. Allocates nothing. */
  check(command: Command, words: Arguments): Denial | null;
  /**
   * Whether the user may run this call by rules that let it read every key besides: what SORT asks for its patterns of BY
   * and GET.
   */
  canReadKeyspace(command: Command, words: Arguments): boolean;
  /**
   * Whether the user may publish to or subscribe to a channel, or with `isPattern` subscribe to a pattern of channels, for
   * which the user must have been given that same pattern.
   */
  canUseChannel(bytes: Uint8Array, offset: number, length: number, isPattern: boolean): boolean;
}

/** The user of what is no client's: the embedding process, a replica's stream, the log that is replayed. */
export const SUPERUSER: User = {
  name: '(superuser)',
  isUnrestricted: true,
  deniedAt: 0,
  check: () => null,
  canReadKeyspace: () => true,
  canUseChannel: () => true,
};

/** What a user may do by one set of rules, as ACL GETUSER shows it. */
export interface SelectorRecord {
  readonly commands: string;
  readonly keys: string;
  readonly channels: string;
}

/** All there is to tell of a user. */
export interface UserRecord extends User {
  /** `on` or `off`, `nopass`, `sanitize-payload` or `skip-sanitize-payload`. */
  readonly flags: readonly string[];
  /** No password is asked for. */
  readonly isPasswordless: boolean;
  /** SHA-256 of the passwords in hexadecimal. */
  readonly passwords: readonly string[];
  /** The user's own rules, then those in parentheses. */
  readonly selectors: readonly SelectorRecord[];
}

/** Events that ACL LOG shows together: the same was refused to the same user within a minute. */
export interface AclLogEntry {
  readonly id: number;
  readonly reason: Denial | 'auth' | 'tls-cert';
  readonly context: DenialContext;
  /** The command, key or channel. */
  readonly object: string;
  readonly userName: string;
  readonly createdMs: number;
  updatedMs: number;
  count: number;
  /** The last client's line of CLIENT LIST. */
  clientInfo: string;
}

/** The users, and what was refused to them. */
export interface AccessControl {
  /** The user of a new connection. */
  readonly defaultUser: UserRecord;
  /** Latest first. */
  readonly log: readonly AclLogEntry[];
  /** Refusals since the start by their reason. */
  readonly denialCounts: Readonly<Record<AclLogEntry['reason'], number>>;
  /** Whether users are kept in a file of their own (`aclfile`). */
  readonly hasFile: boolean;
  find(name: string): UserRecord | undefined;
  /** In order of their bytes. */
  names(): string[];
  /** The line `user <name> <rules>` of each user, in order of the names. */
  lines(): string[];
  /** Full names of a category's commands; undefined if there is no such category. */
  commandsOf(category: Category | string): string[] | undefined;
  /** Puts a new connection under the default user, authenticated if no password is asked for. */
  admit(client: Client): void;
  /**
   * Puts a client under the user that its certificate names, in UTF-8, and that is on: no password is asked for. Else notes the
   * failure, and leaves the client as it is.
   */
  admitNamed(client: Client, name: string): boolean;
  /** Puts a client under a user if the password fits; else notes the failure, under the command's name as it was typed. */
  authenticate(client: Client, name: string, password: Uint8Array, commandName: string): boolean;
  /** Counts and logs what {@link User.check} denied the client's user; returns the error to reply. */
  refuse(client: Client, denial: Denial, command: Command, words: Arguments, context: DenialContext): string;
  /**
   * Makes or changes a user by rules of ACL SETUSER, all or, with an error to reply, none. Its clients that lose a channel
   * are disconnected, the caller after its reply.
   */
  setUser(name: string, rules: readonly string[], caller: Client): string | undefined;
  /** Removes users and disconnects their clients, the caller after its reply. Returns how many there were. */
  deleteUsers(names: readonly string[], caller: Client): number;
  /** Reads the users' file anew; with an error to reply, nothing has changed. */
  load(caller: Client): string | undefined;
  /** Writes the users' file; an error to reply if it can't be written. */
  save(): string | undefined;
  clearLog(): void;
}
