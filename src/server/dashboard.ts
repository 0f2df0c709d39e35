import { Client, type Transport } from '../command-table/client.ts';
import type { Command } from '../command-table/command.ts';
import { Arguments } from '../resp/arguments.ts';
import type { DashboardHost, Visitor } from './dashboard-endpoint.ts';
import { KeyWalk } from './dashboard-keys.ts';
import { describeFigures } from './dashboard-report.ts';
import type { Engine } from './engine.ts';
import { isLoopback } from './tcp-port.ts';

/** How often the walk over the keys goes a step while somebody looks, and how long after the last look it ends. */
const STEP_MS = 100;
const WATCH_MS = 5000;

/** What a visitor must be allowed to run, and what else, each for the part of the page that tells the same. */
const REQUIRED = [['info'], ['flex', 'stats']] as const;
const PARTS = {
  keys: ['scan', '0'],
  slowLog: ['slowlog', 'get'],
  coldSlowLog: ['flex', 'slowlog', 'get'],
  curve: ['flex', 'curve'],
} as const;

/** A part of the page that not every visitor may see. */
export type DashboardPart = keyof typeof PARTS;

/**
 * The page for those who watch the server: who may see it, by the same users and rules as commands, and its figures. While
 * somebody looks it walks over the keys, see {@link KeyWalk}.
 */
export class Dashboard implements DashboardHost {
  readonly #engine: Engine;
  readonly #takeClientId: () => number;
  readonly #walk: KeyWalk;
  #timer: NodeJS.Timeout | null = null;
  #lookedUs = 0;

  constructor(engine: Engine, takeClientId: () => number) {
    this.#engine = engine;
    this.#takeClientId = takeClientId;
    this.#walk = new KeyWalk(engine.keyspace, engine.clock);
  }

  admit(visitor: Visitor): ReturnType<DashboardHost['admit']> {
    const { users, config, keyspace, clock } = this.#engine;
    keyspace.nowMs = clock.wallMs();
    const { credentials } = visitor;
    if (config.values['protected-mode'] && users.defaultUser.isPasswordless && !isLoopback(visitor.peer))
      return {
        status: 403,
        text: 'Protected mode is on and the default user has no password: visitors are let in from this machine only.',
      };
    const client = new Client(this.#takeClientId(), transportOf(visitor), keyspace.nowMs);
    users.admit(client);
    if (credentials !== null) {
      client.authenticated = false;
      users.authenticate(client, credentials.name, Buffer.from(credentials.password, 'latin1'), 'AUTH');
    }
    if (!client.authenticated) return { status: 401, text: 'A name and password of a user are asked for.' };
    // The page of another site could have its own name lead here, and would be let in where no password is asked for.
    if (credentials === null && !isAddress(visitor.host))
      return {
        status: 403,
        text: 'Without a password the server is visited by its address or as localhost only.',
      };
    for (const words of REQUIRED) {
      const refusal = this.#refusal(client, words);
      if (refusal !== null) return { status: 403, text: refusal };
    }
    return { figures: () => this.#figures(client) };
  }

  /** Ends the walk. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #figures(client: Client): object {
    this.#lookedUs = this.#engine.clock.monotonicUs();
    const allowed = new Set<DashboardPart>();
    for (const [part, words] of Object.entries(PARTS))
      if (this.#mayRun(client, words)) allowed.add(part as DashboardPart);
    if (allowed.has('keys')) this.#watch();
    return describeFigures(this.#engine, this.#walk, allowed);
  }

  #watch(): void {
    if (this.#timer !== null) return;
    this.#walk.reset();
    this.#timer = setInterval(() => {
      if (this.#engine.clock.monotonicUs() - this.#lookedUs > WATCH_MS * 1000) this.close();
      else this.#step();
    }, STEP_MS);
    this.#timer.unref();
    this.#step();
  }

  #step(): void {
    const { keyspace, clock, persistence, appendLog } = this.#engine;
    if (persistence.report.loading !== null || appendLog.loading !== null || persistence.restoring !== null)
      return;
    keyspace.nowMs = clock.wallMs();
    this.#walk.step();
  }

  #commandOf(words: readonly string[]): Command | null {
    const { table } = this.#engine;
    return table.named(words.slice(0, 2).join('|')) ?? table.named(words[0]);
  }

  #mayRun(client: Client, words: readonly string[]): boolean {
    const command = this.#commandOf(words);
    return (
      command !== null &&
      (client.user.isUnrestricted || client.user.check(command, argumentsOf(words)) === null)
    );
  }

  /** Why a client may not run what it must be allowed to, which is noted as a refusal of the command; or null. */
  #refusal(client: Client, words: readonly string[]): string | null {
    const command = this.#commandOf(words);
    if (command === null || client.user.isUnrestricted) return null;
    const call = argumentsOf(words);
    const denial = client.user.check(command, call);
    return denial === null ? null : this.#engine.users.refuse(client, denial, command, call, 'toplevel');
  }
}

function argumentsOf(words: readonly string[]): Arguments {
  return Arguments.of(words.map((word) => Buffer.from(word)));
}

/** Whether the name of a host is `localhost` or an address, which no one else can give another meaning. */
function isAddress(host: string): boolean {
  return host === 'localhost' || /^[0-9.]+$/.test(host) || /^\[[0-9a-f:.]+\]$/.test(host);
}

function transportOf({ address, localAddress }: Visitor): Transport {
  return {
    address,
    localAddress,
    descriptor: -1,
    queryBytes: 0,
    queryCapacity: 0,
    outputBytes: 0,
    receivedBytes: 0,
    sentBytes: 0,
    push: () => {},
    close: () => {},
    exceededOutputLimit: () => {},
  };
}
