import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { LatencyMonitor } from '../metrics/latency.ts';
import type { ServerStatistics } from '../metrics/server-statistics.ts';
import type { SlowLog } from '../metrics/slow-log.ts';
import type { CurveReport, TierReport } from '../metrics/tier-report.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { Encoder } from '../resp/encoder.ts';
import type { AccessControl } from './access.ts';
import type { AppendLogControl } from './append-log-control.ts';
import type { BlockingTable, BlockRequest } from './blocking-table.ts';
import type { CheckpointControl } from './checkpoint-control.ts';
import type { Client } from './client.ts';
import type { ClientPause } from './client-pause.ts';
import type { Command, CommandTable } from './command.ts';
import type { DebugSwitches } from './debug-switches.ts';
import type { MonitorTable } from './monitor-table.ts';
import type { PersistenceControl } from './persistence-control.ts';
import type { Publications } from './publications.ts';
import type { ScriptControl } from './script-control.ts';
import type { Tracking } from './tracking.ts';
import type { TransferControl } from './transfer-control.ts';
import type { WatchTable } from './watch-table.ts';

/** What handlers reach beside the keys: the parts of the server, each behind the least that commands need of it. */
export interface Services {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly watches: WatchTable;
  readonly blocking: BlockingTable;
  readonly publications: Publications;
  readonly tracking: Tracking;
  readonly monitors: MonitorTable;
  readonly pause: ClientPause;
  readonly switches: DebugSwitches;
  readonly scripts: ScriptControl;
  readonly persistence: PersistenceControl;
  readonly appendLog: AppendLogControl;
  readonly transfers: TransferControl;
  /** Checkpoints of the tier, or null with Flex off. */
  readonly checkpoints: CheckpointControl | null;
  readonly users: AccessControl;
  readonly statistics: ServerStatistics;
  readonly slowLog: SlowLog;
  readonly latency: LatencyMonitor;
  /** All connected clients by id, in the order they came. */
  readonly clients: ReadonlyMap<number, Client>;
  /** The tier, or null with Flex off. */
  readonly tier: TierControl | null;
  /** Memory in use by the ledger: keys, index, client buffers, tier buffers. */
  memory(): MemoryReport;
  /** Has commands of clients wait until a time in milliseconds since the epoch: by `mode` all, or those that write. */
  pauseClients(endMs: number, mode: number): void;
  unpauseClients(): void;
  /** Ends the waiting of a blocked client: by its timeout's reply, or by an error. */
  endBlocking(client: Client, error: string | null): void;
  /**
   * Where changes are propagated to from now on, as a script chose by redis.set_repl: bits, 1 for the log and 2 for replicas;
   * both where no script has.
   */
  propagationTargets: number;
  /** What is propagated until {@link endUnit} is one transaction: in MULTI and EXEC if it is more than one command. */
  beginUnit(): void;
  endUnit(): void;
  /** Writes what snapshots keep of what has changed, if that is too much. */
  relieve(): void;
  /** Whether a command that may grow memory can run: 'full' refuses with OOM, any text but 'run' and 'wait' with that error. */
  admitWrite(): 'run' | 'wait' | 'full' | string;
  /** Runs one command within another: EXEC, a script. Its reply goes to the call's encoder. */
  runNested(call: Call, command: Command, words: Arguments): void;
  /** Frees what was detached from the keyspace, a little at a time between commands or at once. */
  free(walk: IterableIterator<void>, atOnce: boolean): void;
  /** Objects that wait to be freed by `free`. */
  readonly pendingFreeCount: number;
  /** Bytes that memory is kept within: `maxmemory`, or with Flex on and none given what was derived; 0 for no limit. */
  readonly memoryLimit: number;
  /** Whether anybody is told of changes, a log or replicas: else nothing need be put in a command's place. */
  readonly isPropagating: boolean;
  /** Clients whose command waits for the tier. */
  readonly waitingClientCount: number;
  /** Writes a line to the server's log, as a warning unless another level is given. */
  log(text: string, level?: 'debug' | 'verbose' | 'notice' | 'warning'): void;
  /** Moves sparse blocks together and gives empty segments back (MEMORY PURGE). */
  purge(): void;
  /** Begins an orderly shutdown; an error text if it can't be done. */
  shutdown(options: ShutdownOptions): string | undefined;
  readonly server: ServerDescription;
}

/** What commands may do with the tier. */
export interface TierControl {
  report(): TierReport;
  curve(): CurveReport;
  /** Begins the curve anew. */
  resetCurve(): void;
  readonly pins: PinControl;
  /** RAM that pinned keys may take. */
  readonly pinnedBytesMax: number;
  /** Whether what is pinned is little enough to stay in RAM. */
  readonly arePinsHeld: boolean;
  readonly slowReads: SlowLog;
  /** Demotes the key that a database found last; false if it is cold already or the store can't take it now. */
  demote(database: Database): boolean;
}

/** Keys that stay in RAM, by name. */
export interface PinControl {
  readonly bytes: number;
  /** Whether a database's key of a name is pinned. */
  has(database: Database, key: Uint8Array, offset: number, length: number): boolean;
  /** RAM that the key that a database found last takes, or would take, with all of its value. */
  sizeOf(database: Database): number;
  /** Pins the key that a database found last, and makes it hot; false if it was pinned before. */
  add(database: Database): boolean;
  /** Takes a pin off; false if there is none of that name. */
  remove(database: Database, key: Uint8Array, offset: number, length: number): boolean;
  namesIn(database: Database): Uint8Array[];
  /** Looks at the pinned keys that have changed, so that `bytes` is right. What databases found last is lost. */
  refresh(): void;
}

export interface ShutdownOptions {
  readonly save: 'default' | 'save' | 'nosave';
  readonly now: boolean;
  readonly force: boolean;
}

/** Facts of the running server for INFO, fixed at start or measured when asked. */
export interface ServerDescription {
  readonly runId: string;
  /** Names the history of the data set (`master_replid`); a new one is taken at each start. */
  replicationId: string;
  readonly startMs: number;
  readonly processId: number;
  readonly executable: string;
  readonly configFile: string;
  readonly port: number;
  readonly version: string;
  /** The version of Redis whose behaviour clients may expect. */
  readonly redisVersion: string;
  readonly operatingSystem: string;
  /** What is listened on at present. */
  listeners(): readonly ListenerDescription[];
  /** Bytes of RAM of the machine, or of the control group where that is less. */
  readonly systemMemory: number;
}

/** What the server listens on: a kind of socket, its addresses as they were asked for, and its port, 0 for none. */
export interface ListenerDescription {
  readonly name: 'tcp' | 'tls' | 'unix';
  readonly addresses: readonly string[];
  readonly port: number;
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
  /** What was used at the start, before there was data. */
  readonly startup: number;
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
  /** Replicas are sent the command though it changed nothing: PUBLISH. */
  isForReplicas = false;
  /** The command can't reply yet: see `block`. */
  blocking: BlockRequest | null = null;
  /** The command waited and a key that it waits for has changed; to go on waiting it asks for it again. */
  isRetry = false;
  /** The command may be left unfinished and be given again: {@link isUnfinished}. */
  mayWait = false;
  /** The handler wants to be given the same command again, since it is not finished: a slow script. */
  isUnfinished = false;
  /** The error that the handler replies is one that has been counted by its code: of a command within this one. */
  isErrorCounted = false;
  /** When a command began that was left unfinished, in microseconds; else 0. */
  startUs = 0;
  /** The arguments hold a secret: they are kept out of the slow log. */
  holdsSecret = false;
  /** Numbers of arguments that logs and monitors show as redacted. */
  readonly redacted: number[] = [];

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

  /** Whether the command may wait: within a transaction or a script it replies at once, as if its time had passed. */
  get mayBlock(): boolean {
    return !this.client.nested && !this.client.isInternal;
  }

  /** Has the client wait instead of a reply; the handler must have changed nothing. Call only if `mayBlock`. */
  block(request: BlockRequest): void {
    this.blocking = request;
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
