import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { errorReason, exists, remove, setPermissions, writeAtomic } from '../base/files.ts';
import { VERSION } from '../base/version.ts';
import type { ListenerDescription, ShutdownOptions } from '../command-table/call.ts';
import type { Client } from '../command-table/client.ts';
import { describeClient } from '../commands/connection.ts';
import { humanBytes } from '../commands/info.ts';
import type { Config } from '../config/config.ts';
import { expandTitle } from '../config/title-template.ts';
import { Arguments } from '../resp/arguments.ts';
import {
  Connection,
  type ConnectionHost,
  type Listener,
  listenForConnections,
  type Socket,
} from './connection.ts';
import { Dashboard } from './dashboard.ts';
import { makeDashboardListener } from './dashboard-endpoint.ts';
import { Engine, type EngineHost } from './engine.ts';
import { TLS_DIRECTIVES, TlsAcceptor, type TlsHost } from './listener-tls.ts';
import type { Log } from './log.ts';
import { openFilesMax } from './machine.ts';
import { type MetricsHost, makeMetricsListener } from './metrics-endpoint.ts';
import { describeMetrics } from './metrics-report.ts';
import { isLoopback, TcpPort } from './tcp-port.ts';

const PROTECTED_MODE_ERROR =
  "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";
const MAX_CLIENTS_ERROR = '-ERR max number of clients reached\r\n';
/** Directives for ports, and those for their addresses. */
const BIND_DIRECTIVES = {
  port: 'bind',
  'tls-port': 'bind',
  'metrics-port': 'metrics-bind',
  'dashboard-port': 'dashboard-bind',
} as const;
const CANNOT_LISTEN = 'Unable to listen on this port. Check server logs.';
const CANNOT_BIND = 'Failed to bind to specified addresses.';
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

/** The daemon: listeners and connections before an {@link Engine}, the cron, and an orderly end. */
export class Server implements EngineHost, ConnectionHost, TlsHost, MetricsHost {
  readonly log: Log;
  readonly config: Config;
  readonly engine: Engine;
  readonly clients = new Map<number, Client>();
  /** Called when the server has ended by SHUTDOWN or by a bug; the status is for the process. */
  onExit: (status: number) => void = () => {};

  readonly #connections = new Map<number, Connection>();
  readonly #plainPort = new TcpPort(() => this.#makeListener());
  readonly #tls = new TlsAcceptor(this);
  readonly #tlsPort = new TcpPort(() => this.#heedErrors(this.#tls.makeListener()));
  readonly #metricsPort = new TcpPort(() => this.#heedErrors(makeMetricsListener(this)));
  readonly #dashboard: Dashboard;
  readonly #dashboardPort = new TcpPort(() => this.#heedErrors(makeDashboardListener(this.#dashboard)));
  #unixListener: Listener | null = null;
  readonly #scratch = new Arguments();
  #waiting: Connection[] = [];
  /** Bytes that connections were counted with, and those that may have others now. */
  #clientBytes = 0;
  readonly #unsettled: Connection[] = [];
  /** Connections whose replies are sent when the tick ends. */
  readonly #replying: Connection[] = [];
  #isTurnPlanned = false;
  /** Timers that end the waiting of blocked clients. */
  readonly #blockTimers = new Map<Client, NodeJS.Timeout>();
  #nextClientId = 1;
  #cronTimer: NodeJS.Timeout | null = null;
  #clientsCheckedMs = 0;
  #closing: Promise<void> | null = null;

  /** Throws an error ready for people if the tier can't be opened. */
  constructor(config: Config, log: Log) {
    this.config = config;
    this.log = log;
    this.engine = new Engine(config, this);
    this.#dashboard = new Dashboard(this.engine, () => this.#nextClientId++);
  }

  get reply(): Engine['reply'] {
    return this.engine.reply;
  }

  get limits(): ConnectionHost['limits'] {
    return this.#limits;
  }

  readonly #limits = { bulkBytesMax: 0, queryBytesMax: 0 };

  get port(): number {
    return this.#plainPort.boundPort || this.#tlsPort.boundPort;
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
    this.config.onChange('port', () => this.#move(this.#plainPort, 'port', CANNOT_LISTEN));
    this.config.onChange(TLS_DIRECTIVES, () => (values['tls-port'] === 0 ? undefined : this.#configureTls()));
    this.config.onChange('tls-port', () => {
      const refusal = values['tls-port'] === 0 || this.#tls.isConfigured ? undefined : this.#configureTls();
      return refusal ?? this.#move(this.#tlsPort, 'tls-port', CANNOT_LISTEN);
    });
    this.config.onChange(
      'bind',
      () =>
        this.#move(this.#plainPort, 'port', CANNOT_BIND) ??
        this.#move(this.#tlsPort, 'tls-port', CANNOT_BIND),
    );
    this.config.onChange(['metrics-port', 'metrics-bind'], () =>
      this.#move(this.#metricsPort, 'metrics-port', CANNOT_LISTEN),
    );
    this.config.onChange(['dashboard-port', 'dashboard-bind'], () =>
      this.#move(this.#dashboardPort, 'dashboard-port', CANNOT_LISTEN),
    );
    this.config.onChange(['maxmemory', 'maxmemory-clients'], () => {
      this.#clientsCheckedMs = 0;
      return undefined;
    });
    this.#fitClientsToOpenFiles();
    if (values['tls-port'] !== 0) {
      const reason = this.#configureTls();
      if (reason !== undefined) throw new Error('Failed to configure TLS. Check logs for more info.');
    }
    // As in Redis, port 0 means no TCP; where that would leave nothing to listen on, the system picks a port.
    const backlog = values['tcp-backlog'];
    if (values.port !== 0 || (values.unixsocket === '' && values['tls-port'] === 0))
      this.#plainPort.listen(values.port, values.bind, backlog);
    if (values['tls-port'] !== 0) this.#tlsPort.listen(values['tls-port'], values.bind, backlog);
    if (values['metrics-port'] !== 0) {
      this.#metricsPort.listen(values['metrics-port'], values['metrics-bind'], backlog);
      this.log.notice(`Metrics are served on port ${this.#metricsPort.boundPort}`);
    }
    if (values['dashboard-port'] !== 0) {
      this.#dashboardPort.listen(values['dashboard-port'], values['dashboard-bind'], backlog);
      this.log.notice(`The dashboard is served on port ${this.#dashboardPort.boundPort}`);
    }
    if (values.unixsocket !== '') await this.#listenOnUnixSocket(values.unixsocket, values.unixsocketperm);
    if (this.#allListeners().length === 0) throw new Error('Configured to not listen anywhere');
    // In the words of Redis, for what waits for them: these at once, `Ready to accept connections` after loading.
    this.log.notice(`Running mode=standalone, Port: ${this.port}, PID: ${process.pid}`);
    this.log.notice('Server initialized');
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
    this.#setTitle();
    this.config.onChange(['proc-title-template', 'port', 'tls-port', 'bind'], () => {
      this.#setTitle();
      return undefined;
    });
    this.#tellSupervisor('--ready', '--status=Ready to accept connections');
  }

  /** Ends: no more connections, the tier closed, files that tell of the process removed. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  shutdown(options: ShutdownOptions): string | undefined {
    this.log.notice('User requested shutdown...');
    if (!this.engine.prepareToEnd(options)) return 'ERR Errors trying to SHUTDOWN. Check logs.';
    setImmediate(() => this.#endInOrder(options));
    return undefined;
  }

  /** Ends in order where {@link Engine.prepareToEnd} has allowed it; false if the last checkpoint can't be taken. */
  async end(options: ShutdownOptions): Promise<boolean> {
    try {
      await this.engine.takeLastCheckpoint(options);
    } catch (error) {
      this.log.warning(`Can't take the last checkpoint of the tier: ${errorReason(error)}`);
      if (!options.force) {
        this.log.warning("The server can't end: what changed since the checkpoint before would be lost");
        return false;
      }
    }
    await this.close();
    return true;
  }

  #endInOrder(options: ShutdownOptions): void {
    this.end(options).then(
      (hasEnded) => {
        if (hasEnded) this.onExit(0);
      },
      (error) => this.crashed(error, 'the end of the server'),
    );
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
    for (const connection of this.#unsettled) this.#countBytes(connection);
    return this.#clientBytes;
  }

  #unsettle(connection: Connection): void {
    if (connection.isUnsettled) return;
    connection.isUnsettled = true;
    this.#unsettled.push(connection);
  }

  #countBytes(connection: Connection): void {
    const bytes = connection.client.byteCount;
    this.#clientBytes += bytes - connection.countedBytes;
    connection.countedBytes = bytes;
  }

  /** Counts the bytes of connections that did something, and forgets them until they do again, unless they have output left. */
  #settleBytes(): void {
    let kept = 0;
    for (const connection of this.#unsettled) {
      this.#countBytes(connection);
      connection.isUnsettled = connection.outputBytes > 0;
      if (connection.isUnsettled) this.#unsettled[kept++] = connection;
    }
    this.#unsettled.length = kept;
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
    if (connection === undefined) return;
    this.#unsettle(connection);
    setImmediate(() => connection.goOn());
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
    this.#settleBytes();
  }

  execute(connection: Connection, words: Arguments, mayWait: boolean): boolean {
    const { client } = connection;
    client.lastInteractionMs = this.engine.keyspace.nowMs;
    this.#unsettle(connection);
    const ran = this.engine.pipeline.execute(client, words, mayWait);
    if (!ran && client.blocked === null) this.#waiting.push(connection);
    return ran;
  }

  replied(connection: Connection): void {
    this.#replying.push(connection);
    this.#unsettle(connection);
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
    this.#unsettle(connection);
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
    const { hardBytes, softBytes, softSeconds } = this.#outputLimitsOf(connection);
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

  exceedsHardLimit(connection: Connection, bytes: number): boolean {
    const { hardBytes } = this.#outputLimitsOf(connection);
    return hardBytes > 0 && connection.outputBytes + bytes >= hardBytes;
  }

  #outputLimitsOf({ client }: Connection): { hardBytes: number; softBytes: number; softSeconds: number } {
    const limits = this.config.values['client-output-buffer-limit'];
    return client.isSubscriber ? limits.pubsub : limits.normal;
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
    connection.isUnsettled = false;
    const unsettledAt = this.#unsettled.indexOf(connection);
    if (unsettledAt >= 0) this.#unsettled.splice(unsettledAt, 1);
    this.#clientBytes -= connection.countedBytes;
    connection.countedBytes = 0;
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
   * Puts a changed port or `bind` into force. Where that can't be had returns `refusal`, and listens nowhere: the
   * configuration takes the change back then, and has this called again.
   */
  #move(listeners: TcpPort, directive: keyof typeof BIND_DIRECTIVES, refusal: string): string | undefined {
    const { values } = this.config;
    const bind = values[BIND_DIRECTIVES[directive]];
    try {
      if (listeners.move(values[directive], bind, values['tcp-backlog'])) this.#announceAddresses();
    } catch (error) {
      this.log.warning(`${(error as Error).message}; going back to port ${listeners.boundPort}`);
      return refusal;
    }
    return undefined;
  }

  /** Has new TLS connections meet the settings in force; where those can't be used, the reason for a reply. */
  #configureTls(): string | undefined {
    try {
      this.#tls.configure(this.config.values);
      return undefined;
    } catch (error) {
      this.log.warning((error as Error).message);
      return 'Unable to update TLS configuration. Check server logs.';
    }
  }

  async #listenOnUnixSocket(path: string, permissions: number): Promise<void> {
    if (exists(path)) remove(path);
    const listener = this.#makeListener();
    listener.listen({ path, backlog: this.config.values['tcp-backlog'] });
    await once(listener, 'listening');
    this.#unixListener = listener;
    if (permissions !== 0) setPermissions(path, permissions);
  }

  #makeListener(): Listener {
    return this.#heedErrors(
      listenForConnections((socket, descriptor) => this.#acceptPlain(socket, descriptor)),
    );
  }

  #heedErrors(listener: Listener): Listener {
    return listener.on('error', (error) =>
      this.log.warning(`Accepting a connection failed: ${error.message}`),
    );
  }

  #allListeners(): Listener[] {
    const unix = this.#unixListener === null ? [] : [this.#unixListener];
    return [...this.#plainPort.listeners, ...this.#tlsPort.listeners, ...unix];
  }

  async metrics(): Promise<{ contentType: string; text: string }> {
    const { engine } = this;
    engine.keyspace.nowMs = engine.clock.wallMs();
    const exposition = describeMetrics(engine);
    return { contentType: exposition.contentType, text: await exposition.text() };
  }

  unreadiness(): string | null {
    const { appendLog, persistence, tier } = this.engine;
    if ((appendLog.loading ?? persistence.report.loading) !== null) return 'loading';
    const fault = tier?.report().fault ?? '';
    return fault === '' ? null : `the SSD tier can't be written: ${fault}`;
  }

  listeners(): ListenerDescription[] {
    const found: ListenerDescription[] = [];
    const { bind, unixsocket } = this.config.values;
    const add = (name: ListenerDescription['name'], addresses: readonly string[], port: number) =>
      found.push({ name, addresses, port });
    if (this.#plainPort.boundPort !== 0) add('tcp', bind, this.#plainPort.boundPort);
    if (this.#unixListener !== null) add('unix', [unixsocket], 0);
    if (this.#tlsPort.boundPort !== 0) add('tls', bind, this.#tlsPort.boundPort);
    return found;
  }

  get nowMs(): number {
    return this.engine.keyspace.nowMs;
  }

  admit(socket: Socket): boolean {
    if (this.#closing !== null) return false;
    if (this.#isFull()) {
      this.engine.statistics.connectionsRejected++;
      return false;
    }
    this.#keepAlive(socket);
    return true;
  }

  failed(reason: string, address: string): void {
    this.log.warning(`Error accepting a client connection: ${reason} (addr=${address})`);
  }

  #isFull(): boolean {
    return this.#connections.size + this.#tls.handshakeCount >= this.config.values.maxclients;
  }

  #keepAlive(socket: Socket): void {
    const seconds = this.config.values['tcp-keepalive'];
    if (seconds > 0) socket.setKeepAlive(true, seconds * 1000);
  }

  #refuse(socket: Socket, text: string): null {
    this.engine.statistics.connectionsRejected++;
    socket.on('error', () => socket.destroy());
    socket.end(text, () => socket.destroy());
    return null;
  }

  #acceptPlain(socket: Socket, descriptor: number): Connection | null {
    if (this.#isFull()) {
      this.engine.statistics.connectionsReceived++;
      return this.#refuse(socket, MAX_CLIENTS_ERROR);
    }
    this.#keepAlive(socket);
    return this.accept(socket, descriptor, null);
  }

  accept(socket: Socket, descriptor: number, peerName: string | null): Connection | null {
    const { engine, config } = this;
    engine.statistics.connectionsReceived++;
    if (this.#closing !== null) return this.#refuse(socket, '');
    const isOpen = engine.users.defaultUser.isPasswordless;
    if (config.values['protected-mode'] && isOpen && !isLoopback(socket.remoteAddress))
      return this.#refuse(socket, PROTECTED_MODE_ERROR);
    const connection = new Connection(socket, this.#nextClientId++, descriptor, this.nowMs, this);
    const { client } = connection;
    engine.users.admit(client);
    if (peerName !== null && config.values['tls-auth-clients-user'] === 'cn') {
      if (engine.users.admitNamed(client, peerName))
        this.log.verbose(`TLS: Auto-authenticated client as ${peerName}`);
    }
    this.#connections.set(client.id, connection);
    this.#countBytes(connection);
    this.clients.set(client.id, client);
    return connection;
  }

  #scheduleCron(): void {
    const intervalMs = Math.max(2, Math.floor(1000 / this.config.values.hz));
    const run = () => {
      let more = false;
      try {
        more = this.engine.cron();
        if (!this.engine.switches.isCronPaused) this.#closeIdleClients();
        if (!this.engine.switches.isCronPaused && this.config.values['maxmemory-clients'] !== 0)
          this.#limitClientMemory();
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
    if (timeout > 0) this.#tls.dropBefore(nowMs - timeout * 1000);
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
    for (const client of this.clients.values()) bytes += client.heldBytes;
    if (bytes <= limit) return;
    const largestFirst = [...this.clients.values()].sort((left, right) => right.heldBytes - left.heldBytes);
    for (const client of largestFirst) {
      if (bytes <= limit) return;
      if (client.noEvict || client.closing) continue;
      bytes -= client.heldBytes;
      this.log.notice(`Evicting client: ${describeClient(client, nowMs)}`);
      this.engine.statistics.evictedClients++;
      client.transport.close(false);
    }
  }

  async #close(): Promise<void> {
    if (this.#cronTimer !== null) clearTimeout(this.#cronTimer);
    this.#tellSupervisor('--stopping');
    for (const listener of this.#allListeners()) listener.close();
    this.#metricsPort.close();
    this.#dashboardPort.close();
    this.#dashboard.close();
    this.#tls.dropBefore(Number.POSITIVE_INFINITY);
    for (const connection of this.#connections.values()) connection.close(false);
    await this.engine.close();
    const { pidfile, unixsocket } = this.config.values;
    if (pidfile !== '' && exists(pidfile)) remove(pidfile);
    if (unixsocket !== '' && exists(unixsocket)) remove(unixsocket);
    this.log.notice('Thermocline is now ready to exit, bye bye...');
    this.log.flush();
  }

  /** Gives the process a title, which `ps` shows, as `proc-title-template` says. */
  #setTitle(): void {
    const { values } = this.config;
    if (!values['set-proc-title']) return;
    const { executable, configFile } = this.engine.server;
    const port = this.port === 0 ? values['tls-port'] : this.port;
    const address =
      values.unixsocket !== '' && port === 0 ? values.unixsocket : `${values.bind[0] ?? '*'}:${port}`;
    const title = expandTitle(values['proc-title-template'], (variable) => {
      switch (variable) {
        case 'title':
          return executable;
        case 'listen-addr':
          return address;
        case 'server-mode':
          return '';
        case 'port':
          return this.port;
        case 'config-file':
          return configFile;
        default:
          return values[variable];
      }
    });
    if (title !== undefined) process.title = title;
  }

  #announceAddresses(): void {
    for (const listener of this.#allListeners()) {
      const address = listener.address();
      if (typeof address === 'string') this.log.notice(`Listening on the Unix socket ${address}`);
      else if (address !== null) {
        const how = this.#tlsPort.listeners.includes(listener) ? ' with TLS' : '';
        this.log.notice(`Listening on ${address.address}:${address.port}${how}`);
      }
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
