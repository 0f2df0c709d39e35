import { isAbsolute, join } from 'node:path';
import { errorReason, readBytes, writeAtomic } from '../base/files.ts';
import type {
  AccessControl,
  AclLogEntry,
  Denial,
  DenialContext,
  UserRecord,
} from '../command-table/access.ts';
import type { Client } from '../command-table/client.ts';
import type { Command, CommandTable } from '../command-table/command.ts';
import type { Publications, Subscriptions } from '../command-table/publications.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, type Setting } from '../config/parse.ts';
import type { Arguments } from '../resp/arguments.ts';
import { Categories } from './categories.ts';
import { AclLog } from './log.ts';
import { hasSpace, UNKNOWN_COMMAND } from './selector.ts';
import { AclUser } from './user.ts';

/** What the users need of the server. */
export interface AclHost {
  readonly config: Config;
  readonly table: CommandTable;
  readonly clients: ReadonlyMap<number, Client>;
  readonly publications: Publications;
  nowMs(): number;
  /** A client's line of CLIENT LIST. */
  describe(client: Client): string;
  log(text: string): void;
}

const DEFAULT = 'default';
const BOTH_SOURCES =
  'Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This setup is very likely to lead to configuration errors and security holes, please define either an ACL file or declare users directly in your redis.conf, but not both.';
const NOTHING_CHANGED =
  'WARNING: ACL errors detected, no change to the previously active ACL rules was performed';
const NOT_SAVED =
  'ERR There was an error trying to save the ACLs. Please check the server logs for more information';

/**
 * The users of the server (acl.c): from `user` lines of the configuration or a file of their own, changed by ACL SETUSER.
 * A client holds its user; a check of a command is the user's (`User.check`).
 */
export class Users implements AccessControl {
  readonly defaultUser: AclUser;
  readonly denialCounts = { auth: 0, command: 0, key: 0, channel: 0, 'tls-cert': 0 };
  readonly #host: AclHost;
  readonly #categories: Categories;
  readonly #log = new AclLog();
  /** The users of clients: a user that is redefined keeps its object, except by {@link load}. */
  #users = new Map<string, AclUser>();

  /** Throws an error whose message is ready for people if the configured users or their file are not valid. */
  constructor(host: AclHost) {
    this.#host = host;
    this.#categories = new Categories(host.table);
    this.defaultUser = this.#newUser(DEFAULT);
    for (const rule of ['+@all', '~*', '&*', 'on', 'nopass']) this.defaultUser.apply(rule);
    this.#users.set(DEFAULT, this.defaultUser);
    const { config } = host;
    if (config.values.requirepass !== '') this.#takePassword();
    config.onChange('requirepass', () => {
      this.#takePassword();
      return undefined;
    });
    if (this.hasFile && config.users.length > 0) throw new ConfigError(BOTH_SOURCES);
    const defined = new Set<string>();
    for (const setting of config.users) this.#define(setting, defined);
    if (!this.hasFile) return;
    const errors = this.#read();
    if (errors !== undefined) throw new ConfigError(`Aborting startup because of ACL errors: ${errors}`);
  }

  get log(): readonly AclLogEntry[] {
    return this.#log.entries;
  }

  get hasFile(): boolean {
    return this.#host.config.values.aclfile !== '';
  }

  find(name: string): UserRecord | undefined {
    return this.#users.get(name);
  }

  names(): string[] {
    return [...this.#users.keys()].sort();
  }

  lines(): string[] {
    return this.names().map((name) => `user ${name} ${(this.#users.get(name) as AclUser).describe()}`);
  }

  commandsOf(category: string): string[] | undefined {
    return this.#categories.membersOf(category)?.map((command) => command.fullName);
  }

  admit(client: Client): void {
    client.user = this.defaultUser;
    client.authenticated = this.#isOpen;
  }

  admitNamed(client: Client, name: string): boolean {
    const userName = Buffer.from(name).toString('latin1');
    const user = this.#users.get(userName);
    if (user?.isEnabled !== true) {
      this.#note(client, 'tls-cert', 'toplevel', '', userName);
      return false;
    }
    client.user = user;
    client.authenticated = true;
    return true;
  }

  authenticate(client: Client, name: string, password: Uint8Array, commandName: string): boolean {
    const user = this.#users.get(name);
    if (user?.accepts(password) === true) {
      client.user = user;
      client.authenticated = true;
      return true;
    }
    const context = client.queue === null && !client.nested ? 'toplevel' : 'multi';
    this.#note(client, 'auth', context, commandName, name);
    return false;
  }

  refuse(client: Client, denial: Denial, command: Command, words: Arguments, context: DenialContext): string {
    const { user } = client;
    const object = denial === 'command' ? command.fullName : words.text(user.deniedAt);
    this.#note(client, denial, context, object, user.name);
    if (denial === 'command')
      return `NOPERM User ${user.name} has no permissions to run the '${command.fullName}' command`;
    return `NOPERM No permissions to access a ${denial}`;
  }

  setUser(name: string, rules: readonly string[], caller: Client): string | undefined {
    if (hasSpace(name)) return "ERR Usernames can't contain spaces or null characters";
    const { merged, unmatched } = mergeSelectors(rules);
    if (unmatched !== undefined)
      return `ERR Unmatched parenthesis in acl selector starting at '${unmatched}'.`;
    const user = this.#users.get(name);
    const changed = this.#newUser(name);
    if (user !== undefined) changed.copyFrom(user);
    for (const rule of merged) {
      const reason = changed.apply(rule);
      if (reason !== undefined) return `ERR Error in ACL SETUSER modifier '${rule}': ${reason}`;
    }
    if (user === undefined) {
      this.#users.set(name, changed);
      return undefined;
    }
    const keepsChannels = changed.keepsChannelsOf(user);
    user.copyFrom(changed);
    if (!keepsChannels) {
      for (const client of this.#host.clients.values())
        if (client.user === user && this.#isSubscribedBeyond(client, user)) this.#expel(client, caller);
    }
    if (user === this.defaultUser) this.#letIn();
    return undefined;
  }

  deleteUsers(names: readonly string[], caller: Client): number {
    let deleted = 0;
    for (const name of names) {
      const user = this.#users.get(name);
      if (user === undefined) continue;
      this.#users.delete(name);
      for (const client of this.#host.clients.values()) if (client.user === user) this.#expel(client, caller);
      deleted++;
    }
    return deleted;
  }

  load(caller: Client): string | undefined {
    const before = new AclUser(DEFAULT, this.#categories, () => false);
    before.copyFrom(this.defaultUser);
    const errors = this.#read();
    if (errors !== undefined) return `ERR ${errors}`;
    for (const client of this.#host.clients.values()) {
      if (!(client.user instanceof AclUser)) continue;
      const user = this.#users.get(client.user.name);
      const old = client.user === this.defaultUser ? before : client.user;
      if (user === undefined || (!user.keepsChannelsOf(old) && this.#isSubscribedBeyond(client, user)))
        this.#expel(client, caller);
      else client.user = user;
    }
    this.#letIn();
    return undefined;
  }

  save(): string | undefined {
    try {
      const lines = this.lines().map((line) => `${line}\n`);
      writeAtomic(this.#path, Buffer.from(lines.join(''), 'latin1'));
      return undefined;
    } catch (error) {
      this.#host.log(`Writing ACL file for ACL SAVE: ${errorReason(error)}`);
      return NOT_SAVED;
    }
  }

  clearLog(): void {
    this.#log.clear();
  }

  /** Anyone may come in as the default user, without a password. */
  get #isOpen(): boolean {
    return this.defaultUser.isPasswordless && this.defaultUser.isEnabled;
  }

  get #path(): string {
    const { aclfile, dir } = this.#host.config.values;
    return isAbsolute(aclfile) ? aclfile : join(dir, aclfile);
  }

  #newUser(name: string): AclUser {
    const { values } = this.#host.config;
    return new AclUser(name, this.#categories, () => values['acl-pubsub-default'] === 'allchannels');
  }

  /** Makes `requirepass` the default user's only password; none leaves it open. */
  #takePassword(): void {
    const { requirepass } = this.#host.config.values;
    this.defaultUser.apply('resetpass');
    this.defaultUser.apply(
      requirepass === '' ? 'nopass' : `>${Buffer.from(requirepass, 'utf8').toString('latin1')}`,
    );
    this.#letIn();
  }

  /** Clients that have not authenticated need not do so any more if no password is asked for. */
  #letIn(): void {
    if (!this.#isOpen) return;
    for (const client of this.#host.clients.values())
      if (client.user === this.defaultUser && !client.closing) client.authenticated = true;
  }

  /** Takes a `user` line of the configuration; `defined` are the names of those before it. */
  #define(setting: Setting, defined: Set<string>): void {
    const [name, ...rules] = setting.words.map((word) => Buffer.from(word, 'utf8').toString('latin1'));
    // The line may hold a password.
    const origin = { ...setting, text: `user ${setting.words[0] ?? ''} ...` };
    if (name === undefined) throw new ConfigError('Bad directive or wrong number of arguments', origin);
    if (hasSpace(name)) throw new ConfigError('Spaces not allowed in ACL usernames', origin);
    if (defined.has(name))
      throw new ConfigError(
        `Error in user declaration '${setting.words[0]}': Duplicate user found. A user can only be defined once in config files`,
        origin,
      );
    defined.add(name);
    const { merged, unmatched } = mergeSelectors(rules);
    if (unmatched !== undefined)
      throw new ConfigError(`Error in user declaration '${setting.words[0]}': Unmatched parenthesis`, origin);
    const user = name === DEFAULT ? this.defaultUser : this.#newUser(name);
    user.apply('reset');
    for (const rule of merged) {
      const reason = user.apply(rule);
      if (reason !== undefined)
        throw new ConfigError(
          `Error in user declaration '${setting.words[0]}'${reason === UNKNOWN_COMMAND ? `, rule '${rule}'` : ''}: ${reason}`,
          origin,
        );
    }
    this.#users.set(name, user);
    if (!user.isEnabled)
      this.#host.log(
        `The user '${setting.words[0]}' is disabled (there is no 'on' modifier in the user description). Make sure this is not a configuration error.`,
      );
  }

  /** Takes the users of the file in place of those that are; the errors, if there are any, and nothing has changed. */
  #read(): string | undefined {
    const { aclfile } = this.#host.config.values;
    let contents: string;
    try {
      contents = readBytes(this.#path).toString('latin1');
    } catch (error) {
      return `Error loading ACLs, opening file '${aclfile}': ${errorReason(error)}`;
    }
    const users = new Map<string, AclUser>();
    let errors = '';
    for (const [index, line] of contents.split('\n').entries())
      errors += this.#readLine(line.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ''), index + 1, users);
    if (errors !== '') return `${errors}${NOTHING_CHANGED}`;
    const fresh = users.get(DEFAULT);
    if (fresh !== undefined) this.defaultUser.copyFrom(fresh);
    else for (const rule of ['reset', '+@all', '~*', '&*', 'on', 'nopass']) this.defaultUser.apply(rule);
    users.set(DEFAULT, this.defaultUser);
    this.#users = users;
    return undefined;
  }

  /** Adds the user of a line of the file; its errors, or an empty text. */
  #readLine(line: string, number: number, users: Map<string, AclUser>): string {
    if (line === '') return '';
    const place = `${this.#host.config.values.aclfile}:${number}`;
    const [keyword, name, ...words] = line.split(' ');
    if (keyword !== 'user' || name === undefined)
      return `${place} should start with user keyword followed by the username. `;
    if (hasSpace(name)) return `'${place}: username '${name}' contains invalid characters. `;
    if (users.has(name)) return `WARNING: Duplicate user '${name}' found on line ${number}. `;
    const user = this.#newUser(name);
    users.set(name, user);
    const { merged, unmatched } = mergeSelectors(words);
    if (unmatched !== undefined) return `${place}: Unmatched parenthesis in selector definition.`;
    let errors = '';
    let hasSyntaxError = false;
    for (const word of merged) {
      const rule = word.replace(/^[\t\r\n]+|[\t\r\n]+$/g, '');
      const reason = user.apply(rule);
      // Other rules than those that name commands may hold a password, and may be the cause of further errors.
      if (reason === UNKNOWN_COMMAND)
        errors += `${place}: Error in applying operation '${rule}': ${reason}. `;
      else if (reason !== undefined && !hasSyntaxError) {
        errors += `${place}: ${reason}. `;
        hasSyntaxError = true;
      }
    }
    return errors;
  }

  #note(
    client: Client,
    reason: AclLogEntry['reason'],
    context: DenialContext,
    object: string,
    userName: string,
  ): void {
    this.denialCounts[reason]++;
    const clientInfo = this.#host.describe(client);
    const lengthMax = this.#host.config.values['acllog-max-len'];
    this.#log.add({ reason, context, object, userName, clientInfo }, this.#host.nowMs(), lengthMax);
  }

  /** Takes a client's user away and disconnects it: the caller of the command after its reply. */
  #expel(client: Client, caller: Client): void {
    client.user = this.defaultUser;
    client.authenticated = false;
    client.transport.close(client === caller);
  }

  /** Whether a client is subscribed to what a user may not subscribe to. */
  #isSubscribedBeyond(client: Client, user: AclUser): boolean {
    const { channels, patterns, shardChannels } = this.#host.publications;
    const exceeds = (subscriptions: Subscriptions, isPattern: boolean) =>
      subscriptions.namesOf(client).some((name) => !user.canUseChannel(name, 0, name.length, isPattern));
    return exceeds(patterns, true) || exceeds(channels, false) || exceeds(shardChannels, false);
  }
}

/** Rules with those in parentheses put together, which may be spread over several words; or the word that opens a parenthesis that none closes. */
function mergeSelectors(words: readonly string[]): { merged: string[]; unmatched?: string } {
  const merged: string[] = [];
  let open: string[] | null = null;
  for (const word of words) {
    if (open === null && word.startsWith('(') && !word.endsWith(')')) open = [word];
    else if (open === null) merged.push(word);
    else {
      open.push(word);
      if (!word.endsWith(')')) continue;
      merged.push(open.join(' '));
      open = null;
    }
  }
  return open === null ? { merged } : { merged, unmatched: open[0] };
}
