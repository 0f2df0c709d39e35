/**
 * TLS before there is a client: the settings as OpenSSL takes them, and handshakes. What comes out is a socket for a
 * {@link Connection}, as from any other listener.
 */
import { constants } from 'node:crypto';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { errorReason, list, readBytes } from '../base/files.ts';
import type { ConfigValues } from '../config/directives.ts';
import type { Connection } from './connection.ts';

/** A client that has not finished its handshake by then is dropped. */
const HANDSHAKE_MS_MAX = 60_000;
const SUITES_TLS13 = tls.DEFAULT_CIPHERS.split(':').filter((name) => name.startsWith('TLS_'));
const CIPHERS_TLS12 = tls.DEFAULT_CIPHERS.split(':').filter((name) => !name.startsWith('TLS_'));
/** What turns each version off. */
const VERSIONS: ReadonlyMap<string, number> = new Map([
  ['tlsv1', constants.SSL_OP_NO_TLSv1],
  ['tlsv1.1', constants.SSL_OP_NO_TLSv1_1],
  ['tlsv1.2', constants.SSL_OP_NO_TLSv1_2],
  ['tlsv1.3', constants.SSL_OP_NO_TLSv1_3],
]);
const VERSIONS_DEFAULT = ['tlsv1.2', 'tlsv1.3'];
/** The first byte of what DH parameters are in DER. */
const DER_SEQUENCE = 0x30;
/** A certificate in a directory is named by the hash of its subject (openssl rehash). */
const HASHED_NAME = /^[0-9a-f]{8}\.\d+$/;

/** The directives that a change of makes new connections meet a new context. */
export const TLS_DIRECTIVES = [
  'tls-cert-file',
  'tls-key-file',
  'tls-key-file-pass',
  'tls-ca-cert-file',
  'tls-ca-cert-dir',
  'tls-dh-params-file',
  'tls-auth-clients',
  'tls-protocols',
  'tls-ciphers',
  'tls-ciphersuites',
  'tls-prefer-server-ciphers',
  'tls-session-caching',
  'tls-session-cache-timeout',
] as const;

/** What the handshakes need of the server. */
export interface TlsHost {
  /** A client has come; false drops it without a word, since no handshake has been done that could carry one. */
  admit(socket: net.Socket): boolean;
  /** A handshake is done. `peerName` is the common name of the client's certificate, or null. */
  accept(socket: net.Socket, descriptor: number, peerName: string | null): Connection | null;
  /** A handshake failed, for the log. */
  failed(reason: string, address: string): void;
  readonly nowMs: number;
}

interface Handshake {
  readonly sinceMs: number;
  /** Of the peer. */
  readonly address: string;
}

/** The context of new TLS connections, and the handshakes that go on. Connections keep the context that they were made with. */
export class TlsAcceptor {
  readonly #host: TlsHost;
  /** Does handshakes and never listens; null until it is configured. */
  #server: tls.Server | null = null;
  /** Those that go on, by the TCP socket. */
  readonly #handshakes = new Map<net.Socket, Handshake>();

  constructor(host: TlsHost) {
    this.#host = host;
  }

  get isConfigured(): boolean {
    return this.#server !== null;
  }

  get handshakeCount(): number {
    return this.#handshakes.size;
  }

  /** Takes new settings for the connections to come. Throws an Error with the reason, and keeps the old ones. */
  configure(values: ConfigValues): void {
    const server = tls.createServer(contextOptions(values));
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (error, socket) => {
      const { authorizationError } = socket;
      this.#fail(carrierOf(socket), authorizationError == null ? reasonOf(error) : notTrusted(socket));
      socket.destroy();
    });
    this.#server = server;
  }

  /** A listener whose sockets go through a handshake before they are given to the host. */
  makeListener(): net.Server {
    return net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      if (this.#server === null || !this.#host.admit(socket)) {
        socket.destroy();
        return;
      }
      const address = `${socket.remoteAddress}:${socket.remotePort}`;
      this.#handshakes.set(socket, { sinceMs: this.#host.nowMs, address });
      // Node tells why a handshake failed when the socket is closed already.
      socket.once('close', () => setImmediate(() => this.#handshakes.delete(socket)));
      this.#server.emit('connection', socket);
    });
  }

  /** Drops the handshakes that began before a time. */
  dropBefore(timeMs: number): void {
    for (const [socket, { sinceMs }] of this.#handshakes) {
      if (sinceMs >= timeMs) continue;
      this.#fail(socket, 'no handshake in time');
      socket.destroy();
    }
  }

  #secured(socket: tls.TLSSocket): void {
    const carrier = carrierOf(socket);
    const hasCertificate = socket.getPeerX509Certificate() !== undefined;
    // Who need not show a certificate must not show one that nobody vouches for.
    if (hasCertificate && !socket.authorized && socket.authorizationError !== undefined) {
      this.#fail(carrier, notTrusted(socket));
      socket.destroy();
      return;
    }
    this.#handshakes.delete(carrier);
    const connection = this.#host.accept(socket, descriptorOf(carrier), commonName(socket));
    if (connection === null) return;
    socket.on('data', (bytes: Buffer) => connection.receive(bytes, bytes.length));
  }

  #fail(carrier: net.Socket, reason: string): void {
    const handshake = this.#handshakes.get(carrier);
    if (handshake === undefined) return;
    this.#handshakes.delete(carrier);
    this.#host.failed(reason, handshake.address);
  }
}

/** The TCP socket that Node has a TLS socket stand on. */
function carrierOf(socket: tls.TLSSocket): net.Socket {
  return (socket as unknown as { _parent: net.Socket })._parent;
}

function descriptorOf(socket: net.Socket): number {
  return (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
}

/** OpenSSL's words, or Node's where there is no such. */
function reasonOf(error: Error & { reason?: string }): string {
  return error.reason ?? error.message;
}

function notTrusted(socket: tls.TLSSocket): string {
  return `certificate verify failed (${String(socket.authorizationError)})`;
}

/** The common name of a client's certificate that is trusted, else null. */
function commonName(socket: tls.TLSSocket): string | null {
  if (!socket.authorized) return null;
  const name: string | string[] | undefined = socket.getPeerCertificate().subject?.CN;
  return (Array.isArray(name) ? name[0] : name) ?? null;
}

/** Settings in the words of Redis as Node takes them (tlsConfigure of tls.c). Throws an Error with the reason. */
function contextOptions(values: ConfigValues): tls.TlsOptions {
  if (values['tls-cert-file'] === '') throw new Error('No tls-cert-file configured!');
  if (values['tls-key-file'] === '') throw new Error('No tls-key-file configured!');
  const authorities = readAuthorities(values['tls-ca-cert-file'], values['tls-ca-cert-dir']);
  const asksForCertificate = values['tls-auth-clients'] !== 'no';
  if (
    authorities === undefined &&
    (asksForCertificate || values['tls-cluster'] || values['tls-replication'])
  ) {
    throw new Error(
      'Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!',
    );
  }
  const parameters = values['tls-dh-params-file'];
  const options: tls.TlsOptions = {
    cert: readFor('certificate', values['tls-cert-file']),
    key: readFor('private key', values['tls-key-file']),
    dhparam: parameters === '' ? 'auto' : readParameters(parameters),
    requestCert: asksForCertificate,
    rejectUnauthorized: values['tls-auth-clients'] === 'yes',
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.3',
    secureOptions: secureOptions(values),
    ciphers: ciphers(values['tls-ciphers'], values['tls-ciphersuites']),
    honorCipherOrder: values['tls-prefer-server-ciphers'],
    sessionTimeout: values['tls-session-cache-timeout'],
    handshakeTimeout: HANDSHAKE_MS_MAX,
  };
  if (values['tls-key-file-pass'] !== '') options.passphrase = values['tls-key-file-pass'];
  if (authorities !== undefined) options.ca = authorities;
  return options;
}

function readFor(what: string, path: string): Buffer {
  try {
    return readBytes(path);
  } catch (error) {
    throw new Error(`Failed to load ${what}: ${path}: ${errorReason(error)}`);
  }
}

/** Diffie-Hellman parameters, which Node would take anything for. */
function readParameters(path: string): Buffer {
  const bytes = readFor('DH params file', path);
  const body = /-----BEGIN DH PARAMETERS-----([^-]*)-----END/.exec(bytes.toString('latin1'))?.[1] ?? '';
  if (Buffer.from(body, 'base64')[0] !== DER_SEQUENCE) throw new Error(`${path}: failed to read DH params.`);
  return bytes;
}

/** The certificates of the authorities that clients' are checked with; undefined where none are configured. */
function readAuthorities(file: string, directory: string): Buffer[] | undefined {
  if (file === '' && directory === '') return undefined;
  const found = file === '' ? [] : [readFor('CA certificate', file)];
  if (directory === '') return found;
  try {
    for (const name of list(directory))
      if (HASHED_NAME.test(name)) found.push(readBytes(join(directory, name)));
  } catch (error) {
    throw new Error(
      `Failed to configure CA certificate(s) file/directory: ${directory}: ${errorReason(error)}`,
    );
  }
  return found;
}

function secureOptions(values: ConfigValues): number {
  const named = values['tls-protocols']
    .toLowerCase()
    .split(' ')
    .filter((word) => word !== '');
  if (named.some((word) => !VERSIONS.has(word))) {
    throw new Error(
      "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.",
    );
  }
  const wanted = named.length === 0 ? VERSIONS_DEFAULT : named;
  let bits = constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_NO_RENEGOTIATION;
  for (const [version, bit] of VERSIONS) if (!wanted.includes(version)) bits |= bit;
  // Sessions are kept by the clients, as tickets.
  if (!values['tls-session-caching']) bits |= constants.SSL_OP_NO_TICKET;
  return bits;
}

/** One list of both kinds, as Node wants it. An empty one means the default. */
function ciphers(upTo12: string, suites: string): string {
  return [suites || SUITES_TLS13.join(':'), upTo12 || CIPHERS_TLS12.join(':')].join(':');
}
