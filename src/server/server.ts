import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { exists, remove, setPermissions, writeAtomic } from '../base/files.ts';
import { VERSION } from '../base/version.ts';
import type { ShutdownOptions } from '../command-table/call.ts';
import type { Client } from '../command-table/client.ts';
import { describeClient } from '../commands/connection.ts';
import { humanBytes } from '../commands/info.ts';
import type { Config } from '../config/config.ts';
import { Arguments } from '../resp/arguments.ts';
import {
  Connection,
  type ConnectionHost,
  type Listener,
  listenAtOnce,
  listenForConnections,
  type Socket,
} from './connection.ts';
import { Engine, type EngineHost } from './engine.ts';
import type { Log } from './log.ts';
import { openFilesMax } from './machine.ts';

const PROTECTED_MODE_ERROR =
  "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";
const MAX_CLIENTS_ERROR = '-ERR max number of clients reached\r\n';
/** Offsets of arguments are 32-bit integers. */
const QUERY_BYTES_MAX = 0x7fffffff - 1024 * 1024;
/** Open files that are not clients: listeners, the log, the tier's environments. */
const FILES_RESERVED = 32;
/** Longer times a timer takes for none. */
const TIMER_MS_MAX = 0x7fffffff;
/** The first client of a turn of the event loop waits no longer than this for the commands of others. */
const TICK_US_MAX = 1000;
/** A reply buffer that grew beyond this is not kept. */
const REPLY_BYTES_KEPT = 1024 * 1024;
/** How often the memory of clients is compared with `maxmemory-clients` while commands keep the server busy. */
const CLIENT_CHECK_MS = 10;

/** What the TCP listeners were made from. */
interface TcpState {
  /** The directives `port` and `bind`. */
  readonly port: number;
  readonly bind: readonly string[];
  /** The port that the listeners have, 0 if there are none. */
  readonly boundPort: number;
  /** False while they are closed since others could not be had in their place. */
  readonly isOpen: boolean;
}

/** The daemon: listeners and connections before an {@link Engine}, the cron, and an orderly end. */
export class Server implements EngineHost, ConnectionHost {
  readonly log: Log;
  readonly config: Config;
  readonly engine: Engine;
  readonly clients = new Map<number, Client>();
  /** Called when the server has ended by SHUTDOWN or by a bug; the status is for the process. */
  onExit: (status: number) => void = () => {};

  readonly #connections = new Map<number, Connection>();
  readonly #listeners: Listener[] = [];
  readonly #scratch = new Arguments();
  #waiting: Connection[] = [];
  /** Connections whose replies are sent when the tick ends. */
  readonly #replying: Connection[] = [];
  #isTurnPlanned = false;
  /** Timers that end the waiting of blocked clients. */
  readonly #blockTimers = new Map<Client, NodeJS.Timeout>();
  #nextClientId = 1;
  #cronTimer: NodeJS.Timeout | null = null;
  #tcp: TcpState = { port: 0, bind: [], boundPort: 0, isOpen: true };
  #clientsCheckedMs = 0;
  #closing: Promise<void> | null = null;

  /** Throws an error ready for people if the tier can't be opened. */
  constructor(config: Config, log: Log) {
    this.config = config;
    this.log = log;
    this.engine = new Engine(config, this);
  }

  get reply(): Engine['reply'] {
    return this.engine.reply;
  }

  get limits(): ConnectionHost['limits'] {
    return this.#limits;
  }

  readonly #limits = { bulkBytesMax: 0, queryBytesMax: 0 };

  get port(): number {
    return this.#tcp.boundPort;
  }

  get waitingClientCount(): number {
    return this.#waiting.length;
  }

  /** Starts listening as the configuration says. Throws an error ready for people if an address can't be had. */
  async listen(): Promise<void> {
    const { values } = this.config;
    this.#takeLimits();
    this.config.onChange(['proto-max-bulk-len', 'client-query-buffer-limit'], () => {
      this.#takeLimits();
      return undefined;
    });
    this.config.onChange('loglevel', () => {
      this.log.setLevel(values.loglevel);
      return undefined;
    });
    this.config.onChange('port', () => this.#moveTcp('Unable to listen on this port. Check server logs.'));
    this.config.onChange('bind', () => this.#moveTcp('Failed to bind to specified addresses.'));
    this.#fitClientsToOpenFiles();
    // As in Redis, port 0 means no TCP; where that would leave nothing to listen on, the system picks a port.
    if (values.port !== 0 || values.unixsocket === '') this.#listenOnTcp(values.port, values.bind);
    if (values.unixsocket !== '') await this.#listenOnUnixSocket(values.unixsocket, values.unixsocketperm);
    if (this.#listeners.length === 0) throw new Error('Configured to not listen anywhere');
    this.#scheduleCron();
    await this.engine.load();
    if (values.pidfile !== '') {
      try {
        writeAtomic(values.pidfile, `${process.pid}\n`);
      } catch (error) {
        this.log.warning(`Failed to write the PID file ${values.pidfile}: ${String(error)}`);
      }
    }
    this.#announce();
    this.#tellSupervisor('--ready', `--status=Ready to accept connections`);
  }

  /** Ends: no more connections, the tier closed, files that tell of the process removed. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  shutdown(options: ShutdownOptions): string | undefined {
    this.log.notice('User requested shutdown...');
    if (!this.engine.prepareToEnd(options)) return 'ERR Errors trying to SHUTDOWN. Check logs.';
    setImmediate(() => this.close().then(() => this.onExit(0)));
    return undefined;
  }

  crashed(error: unknown, what: string): void {
    this.log.warning('=== THERMOCLINE BUG REPORT START: please report it with the lines up to its end ===');
    this.log.warning(
      `Version ${VERSION}, Node ${process.version}, ${process.platform} ${process.arch}, pid ${process.pid}`,
    );
    this.log.warning(`While running: ${what}`);
    this.log.warning(error instanceof Error ? (error.stack ?? error.message) : String(error));
    this.log.warning('=== THERMOCLINE BUG REPORT END ===');
    this.log.flush();
    this.onExit(1);
  }

  exit(status: number): void {
    this.log.flush();
    this.onExit(status);
  }

  resumeWaiting(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) connection.resume();
  }

  clientBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections.values()) {
      bytes += connection.client.byteCount;
    }
    return bytes;
  }

  blocked(client: Client): void {
    const { blocked } = client;
    if (blocked === null || blocked.deadlineMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(blocked.deadlineMs - this.engine.keyspace.nowMs, TIMER_MS_MAX);
    // A wait longer than a timer's is ended by the cron.
    const timer = setTimeout(() => {
      if (client.blocked === blocked && waitMs < TIMER_MS_MAX) this.engine.endBlocking(client, null);
    }, waitMs);
    this.#blockTimers.set(client, timer);
  }

  unblocked(client: Client): void {
    clearTimeout(this.#blockTimers.get(client));
    this.#blockTimers.delete(client);
    client.isUnblocked = true;
    const connection = this.#connections.get(client.id);
    if (connection !== undefined) setImmediate(() => connection.goOn());
  }

  takeScratch(): Arguments {
    return this.#scratch;
  }

  beginBatch(): void {
    this.engine.beginBatch();
    this.#planTurn();
  }

  #planTurn(): void {
    if (this.#isTurnPlanned) return;
    this.#isTurnPlanned = true;
    setImmediate(this.#endTurn);
  }

  endBatch(): void {
    if (this.engine.tickMicroseconds >= TICK_US_MAX) this.#endTick();
  }

  /** After the sockets that had something to read in this turn of the event loop. */
  readonly #endTurn = (): void => {
    this.#isTurnPlanned = false;
    this.#endTick();
  };

  #endTick(): void {
    this.engine.tracking.broadcast();
    if (this.config.values['maxmemory-clients'] !== 0) this.#limitClientMemory();
    this.sendReplies();
    this.engine.endTick();
  }

  execute(connection: Connection, words: Arguments, mayWait: boolean): boolean {
    const { client } = connection;
    client.lastInteractionMs = this.engine.keyspace.nowMs;
    const ran = this.engine.pipeline.execute(client, words, mayWait);
    if (!ran && client.blocked === null) this.#waiting.push(connection);
    return ran;
  }

  replied(connection: Connection): void {
    this.#replying.push(connection);
    this.#planTurn();
  }

  sendReplies(): void {
    const { reply } = this.engine;
    this.engine.flushLog();
    let isKept = false;
    for (const connection of this.#replying) if (!connection.sendReplies()) isKept = true;
    this.#replying.length = 0;
    reply.length = 0;
    if (isKept || reply.buffer.length > REPLY_BYTES_KEPT) reply.release();
  }

  received(connection: Connection, bytes: number): void {
    const { statistics, keyspace } = this.engine;
    // Bytes of a command that is still arriving are a sign of life too.
    connection.client.lastInteractionMs = keyspace.nowMs;
    statistics.bytesReceived += bytes;
    statistics.readsProcessed++;
  }

  sent(bytes: number): void {
    const { statistics } = this.engine;
    statistics.bytesSent += bytes;
    statistics.writesProcessed++;
  }

  complained(connection: Connection, reason: string): void {
    const { statistics } = this.engine;
    if (reason.startsWith('query buffer')) statistics.clientQueryBufferLimitDisconnections++;
    else if (reason.startsWith('output buffer')) statistics.clientOutputBufferLimitDisconnections++;
    else statistics.countError(reason);
    this.log.verbose(`Closing client ${connection.client.id} from ${connection.address}: ${reason}`);
  }

  exceedsOutputLimit(connection: Connection): boolean {
    const limits = this.config.values['client-output-buffer-limit'];
    const { hardBytes, softBytes, softSeconds } = connection.client.isSubscriber
      ? limits.pubsub
      : limits.normal;
    const bytes = connection.outputBytes;
    if (hardBytes > 0 && bytes >= hardBytes) return true;
    if (softBytes === 0 || bytes < softBytes) {
      connection.outputLimitSinceMs = 0;
      return false;
    }
    const { nowMs } = this.engine.keyspace;
    if (connection.outputLimitSinceMs === 0) connection.outputLimitSinceMs = nowMs;
    return nowMs - connection.outputLimitSinceMs > softSeconds * 1000;
  }

  left(connection: Connection): void {
    this.clients.delete(connection.client.id);
  }

  closed(connection: Connection): void {
    clearTimeout(this.#blockTimers.get(connection.client));
    this.#blockTimers.delete(connection.client);
    this.engine.blocking.unblock(connection.client);
    this.engine.watches.unwatchAll(connection.client);
    this.engine.publications.leave(connection.client);
    this.engine.scripts.leave(connection.client);
    this.engine.tracking.leave(connection.client);
    this.engine.monitors.remove(connection.client);
    this.#connections.delete(connection.client.id);
    this.clients.delete(connection.client.id);
    const at = this.#waiting.indexOf(connection);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #takeLimits(): void {
    const { values } = this.config;
    this.#limits.bulkBytesMax = values['proto-max-bulk-len'];
    this.#limits.queryBytesMax = Math.min(values['client-query-buffer-limit'], QUERY_BYTES_MAX);
  }

  /** Lowers `maxclients` to what the limit on open files leaves, as Redis does. */
  #fitClientsToOpenFiles(): void {
    const { maxclients } = this.config.values;
    const available = openFilesMax() - FILES_RESERVED;
    if (maxclients <= available) return;
    if (available < 1) throw new Error('The limit on open files leaves none for clients (ulimit -n)');
    this.config.set([['maxclients', `${available}`]]);
    this.log.warning(
      `The limit on open files allows ${available} clients; maxclients is lowered from ${maxclients} to that. Raise it with ulimit -n`,
    );
  }

  /**
   * Puts a changed `port` or `bind` into force. Where that can't be had returns `refusal`, and listens nowhere: the
   * configuration takes the change back then, and has this called again.
   */
  #moveTcp(refusal: string): string | undefined {
    const { port, bind } = this.config.values;
    const before = this.#tcp;
    const isSame = port === before.port && bind.join(' ') === before.bind.join(' ');
    if (isSame && before.isOpen) return undefined;
    for (const listener of this.#listeners.filter((candidate) => typeof candidate.address() !== 'string')) {
      listener.close();
      this.#listeners.splice(this.#listeners.indexOf(listener), 1);
    }
    // A port that the system chose stays until another is asked for.
    const wanted = port === before.port ? before.boundPort : port;
    try {
      this.#listenOnTcp(wanted, wanted === 0 ? [] : bind);
    } catch (error) {
      this.log.warning(`${(error as Error).message}; going back to port ${before.boundPort}`);
      this.#tcp = { ...before, isOpen: false };
      return refusal;
    }
    this.#announceAddresses();
    return undefined;
  }

  /** Listens on all of these addresses or, with an Error for people, on none. */
  #listenOnTcp(port: number, bind: readonly string[]): void {
    const listeners: Listener[] = [];
    const failures: string[] = [];
    let boundPort = port;
    for (const word of bind) {
      const isOptional = word.startsWith('-');
      const name = isOptional ? word.slice(1) : word;
      const host = name === '*' ? '0.0.0.0' : name === '::*' ? '::' : name;
      const listener = this.#makeListener();
      try {
        // The same port for all addresses, also where the first was given one by the system.
        listenAtOnce(listener, { host, port: boundPort, backlog: this.config.values['tcp-backlog'] });
      } catch (error) {
        const { message, code = '' } = error as NodeJS.ErrnoException;
        if (!isOptional || !['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(code))
          failures.push(`${host}:${port}: ${message}`);
        continue;
      }
      listeners.push(listener);
      boundPort = (listener.address() as { port: number }).port;
    }
    if (failures.length > 0) {
      for (const listener of listeners) listener.close();
      throw new Error(`Could not listen: ${failures.join('; ')}`);
    }
    for (const listener of listeners) this.#keep(listener);
    const { values } = this.config;
    this.#tcp = {
      port: values.port,
      bind: values.bind,
      boundPort: listeners.length === 0 ? 0 : boundPort,
      isOpen: true,
    };
  }

  async #listenOnUnixSocket(path: string, permissions: number): Promise<void> {
    if (exists(path)) remove(path);
    const listener = this.#makeListener();
    listener.listen({ path, backlog: this.config.values['tcp-backlog'] });
    await once(listener, 'listening');
    this.#keep(listener);
    if (permissions !== 0) setPermissions(path, permissions);
  }

  #makeListener(): Listener {
    return listenForConnections((socket, descriptor) => this.#accept(socket, descriptor));
  }

  /** Takes a listener that listens among those that are closed at the end. */
  #keep(listener: Listener): void {
    listener.on('error', (error) => this.log.warning(`Accepting a connection failed: ${error.message}`));
    this.#listeners.push(listener);
  }

  #accept(socket: Socket, descriptor: number): Connection | null {
    const { values } = this.config;
    const { statistics, keyspace } = this.engine;
    statistics.connectionsReceived++;
    const refuse = (text: string): null => {
      statistics.connectionsRejected++;
      socket.on('error', () => socket.destroy());
      socket.end(text, () => socket.destroy());
      return null;
    };
    if (this.#closing !== null) return refuse('');
    if (this.#connections.size >= values.maxclients) return refuse(MAX_CLIENTS_ERROR);
    const peer = socket.remoteAddress;
    const isLocal =
      peer === undefined || peer === '::1' || peer.startsWith('127.') || peer.startsWith('::ffff:127.');
    if (values['protected-mode'] && this.engine.users.defaultUser.isPasswordless && !isLocal)
      return refuse(PROTECTED_MODE_ERROR);
    if (values['tcp-keepalive'] > 0) socket.setKeepAlive(true, values['tcp-keepalive'] * 1000);
    const connection = new Connection(socket, this.#nextClientId++, descriptor, keyspace.nowMs, this);
    this.engine.users.admit(connection.client);
    this.#connections.set(connection.client.id, connection);
    this.clients.set(connection.client.id, connection.client);
    return connection;
  }

  #scheduleCron(): void {
    const intervalMs = Math.max(2, Math.floor(1000 / this.config.values.hz));
    const run = () => {
      let more = false;
      try {
        more = this.engine.cron();
        this.#closeIdleClients();
        if (this.config.values['maxmemory-clients'] !== 0) this.#limitClientMemory();
      } catch (error) {
        this.crashed(error, 'the cron');
        return;
      }
      if (this.#closing === null) this.#cronTimer = setTimeout(run, more ? 1 : intervalMs);
    };
    this.#cronTimer = setTimeout(run, intervalMs);
  }

  #closeIdleClients(): void {
    const { timeout } = this.config.values;
    const { nowMs } = this.engine.keyspace;
    const { clientPeaks } = this.engine.statistics;
    clientPeaks.begin(nowMs);
    for (const connection of this.#connections.values()) {
      const { client } = connection;
      clientPeaks.note(connection.queryCapacity, connection.outputBytes);
      // One that is being sent a large reply is not idle.
      if (connection.outputBytes > 0 && connection.hasTakenReplies()) client.lastInteractionMs = nowMs;
      const isIdle = timeout > 0 && nowMs - client.lastInteractionMs > timeout * 1000;
      const isExpectedToWait = client.isSubscriber || client.isMonitor || client.blocked !== null;
      if (isIdle && !isExpectedToWait) connection.close(false);
      else if (connection.outputBytes > 0 && this.exceedsOutputLimit(connection)) {
        this.complained(connection, 'output buffer limit exceeded');
        connection.close(false);
      }
    }
  }

  /** Disconnects the clients that take most memory while all together take more than `maxmemory-clients` (evictClients). */
  #limitClientMemory(): void {
    const { nowMs } = this.engine.keyspace;
    if (nowMs - this.#clientsCheckedMs < CLIENT_CHECK_MS) return;
    this.#clientsCheckedMs = nowMs;
    const setting = this.config.values['maxmemory-clients'];
    const limit = setting > 0 ? setting : Math.floor((-setting * this.engine.memoryLimit) / 100);
    if (limit === 0) return;
    let bytes = 0;
    for (const client of this.clients.values()) bytes += client.byteCount;
    if (bytes <= limit) return;
    const largestFirst = [...this.clients.values()].sort((left, right) => right.byteCount - left.byteCount);
    for (const client of largestFirst) {
      if (bytes <= limit) return;
      if (client.noEvict || client.closing) continue;
      bytes -= client.byteCount;
      this.log.notice(`Evicting client: ${describeClient(client, nowMs)}`);
      this.engine.statistics.evictedClients++;
      client.transport.close(false);
    }
  }

  async #close(): Promise<void> {
    if (this.#cronTimer !== null) clearTimeout(this.#cronTimer);
    this.#tellSupervisor('--stopping');
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#connections.values()) connection.close(false);
    await this.engine.close();
    const { pidfile, unixsocket } = this.config.values;
    if (pidfile !== '' && exists(pidfile)) remove(pidfile);
    if (unixsocket !== '' && exists(unixsocket)) remove(unixsocket);
    this.log.notice('Thermocline is now ready to exit, bye bye...');
    this.log.flush();
  }

  #announceAddresses(): void {
    for (const listener of this.#listeners) {
      const address = listener.address();
      if (typeof address === 'string') this.log.notice(`Listening on the Unix socket ${address}`);
      else if (address !== null) this.log.notice(`Listening on ${address.address}:${address.port}`);
    }
  }

  #announce(): void {
    const { values } = this.config;
    const { engine, log } = this;
    this.#announceAddresses();
    if (engine.tier === null) {
      const limit = engine.memoryLimit === 0 ? 'no limit' : humanBytes(engine.memoryLimit);
      log.notice(`RAM budget: ${limit}, policy ${values['maxmemory-policy']}; Flex is off`);
    } else {
      const derived = values.maxmemory === 0 ? ', derived from the memory of this machine' : '';
      log.notice(
        `RAM budget: ${humanBytes(engine.memoryLimit)}${derived}; demotion starts at ${values['flex-hot-threshold']} of it`,
      );
      const limit = values['flex-storage-limit'];
      log.notice(
        `SSD budget: ${limit === 0 ? 'what the file system has' : humanBytes(limit)}; the tier is at ${engine.tier.store.path}`,
      );
    }
    log.notice(`Ready to accept connections (Thermocline ${VERSION}, pid ${process.pid})`);
  }

  #tellSupervisor(...words: string[]): void {
    const { supervised } = this.config.values;
    const isSystemd =
      supervised === 'systemd' || (supervised === 'auto' && process.env.NOTIFY_SOCKET !== undefined);
    if (!isSystemd || process.env.NOTIFY_SOCKET === undefined) return;
    const notify = spawn('systemd-notify', [`--pid=${process.pid}`, ...words], { stdio: 'ignore' });
    notify.on('error', (error) => this.log.warning(`systemd-notify failed: ${error.message}`));
  }
}
