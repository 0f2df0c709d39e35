import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { LatencyMonitor } from '../metrics/latency.ts';
import type { ServerStatistics } from '../metrics/server-statistics.ts';
import type { SlowLog } from '../metrics/slow-log.ts';
import type { TierReport } from '../metrics/tier-report.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { Encoder } from '../resp/encoder.ts';
import type { Client } from './client.ts';
import type { Command, CommandTable } from './command.ts';
import type { WatchTable } from './watch-table.ts';

/** What handlers reach beside the keys: the parts of the server, each behind the least that commands need of it. */
export interface Services {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly watches: WatchTable;
  readonly statistics: ServerStatistics;
  readonly slowLog: SlowLog;
  readonly latency: LatencyMonitor;
  /** All connected clients by id, in the order they came. */
  readonly clients: ReadonlyMap<number, Client>;
  /** The tier, or null with Flex off. */
  readonly tier: TierControl | null;
  /** Memory in use by the ledger: keys, index, client buffers, tier buffers. */
  memory(): MemoryReport;
  /** Runs one command within another: EXEC. Its reply goes to the call's encoder. */
  runNested(call: Call, command: Command, words: Arguments): void;
  /** Frees what was detached from the keyspace, a little at a time between commands or at once. */
  free(walk: IterableIterator<void>, atOnce: boolean): void;
  /** Objects that wait to be freed by `free`. */
  readonly pendingFreeCount: number;
  /** Bytes that memory is kept within: `maxmemory`, or with Flex on and none given what was derived; 0 for no limit. */
  readonly memoryLimit: number;
  /** Clients whose command waits for the tier. */
  readonly waitingClientCount: number;
  /** Writes a line to the server's log. */
  log(text: string): void;
  /** Moves sparse blocks together and gives empty segments back (MEMORY PURGE). */
  purge(): void;
  /** Begins an orderly shutdown; an error text if it can't be done. */
  shutdown(options: ShutdownOptions): string | undefined;
  readonly server: ServerDescription;
}

/** What commands may do with the tier. */
export interface TierControl {
  report(): TierReport;
  /** Demotes the key that a database found last; false if it is cold already or the store can't take it now. */
  demote(database: Database): boolean;
}

export interface ShutdownOptions {
  readonly save: 'default' | 'save' | 'nosave';
  readonly now: boolean;
  readonly force: boolean;
}

/** Facts of the running server for INFO, fixed at start or measured when asked. */
export interface ServerDescription {
  readonly runId: string;
  readonly startMs: number;
  readonly processId: number;
  readonly executable: string;
  readonly configFile: string;
  readonly port: number;
  readonly version: string;
  /** The version of Redis whose behaviour clients may expect. */
  readonly redisVersion: string;
  readonly operatingSystem: string;
  /** Bytes of RAM of the machine, or of the control group where that is less. */
  readonly systemMemory: number;
}

/** The ledger's sums in bytes. */
export interface MemoryReport {
  /** Everything below together: what `maxmemory` is compared with. */
  readonly used: number;
  readonly peak: number;
  readonly records: number;
  readonly index: number;
  readonly clientsNormal: number;
  readonly tierBuffers: number;
  readonly other: number;
  /** Resident memory of the process, all of it and the part that is not mapped files. */
  readonly resident: number;
  readonly residentAnonymous: number;
  /** Blocks of records including what lies free between them. */
  readonly slabs: number;
  /** Memory of the arena that is resident, in use or not. */
  readonly touched: number;
}

/**
 * One command being run: its arguments, where the reply goes and what it may touch. The server keeps one and reuses
 * it; a handler keeps nothing of it.
 */
export class Call {
  readonly services: Services;
  readonly keyspace: Keyspace;
  readonly reply: Encoder;
  command!: Command;
  client!: Client;
  /** The arguments; number 0 is the command's name, number 1 a subcommand's. */
  words!: Arguments;
  /** The database that the client selected. */
  database!: Database;
  /**
   * What is propagated in place of the command itself: null for the command as it came, an empty list for nothing.
   * Propagation happens only if the command changed something.
   */
  propagation: (readonly Uint8Array[])[] | null = null;
  /** The arguments hold a secret: they are kept out of the slow log. */
  holdsSecret = false;

  constructor(services: Services, reply: Encoder) {
    this.services = services;
    this.keyspace = services.keyspace;
    this.reply = reply;
  }

  /** Propagates these arguments in place of the command as it came; called again, further commands. Copies strings and numbers. */
  propagateAs(...parts: (Uint8Array | string | number)[]): void {
    const command = parts.map((part) =>
      part instanceof Uint8Array ? part : Buffer.from(String(part), 'latin1'),
    );
    if (this.propagation === null) this.propagation = [command];
    else this.propagation.push(command);
  }

  /** Looks up the key in argument `at`; see `Database.find`. */
  find(at: number, how: number): boolean {
    return this.database.findWord(this.words, at, how);
  }

  /** Replies argument `at` as a bulk string. */
  replyWord(at: number): void {
    this.reply.bulk(this.words.buffer, this.words.offsets[at], this.words.lengths[at]);
  }
}
