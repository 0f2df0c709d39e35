import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, encodeCommand, errorText, fields, TestClient } from '../support/client.ts';
import {
  atEnd,
  type DirectiveValue,
  eventually,
  freePort,
  hasRedisTools,
  runThermocline,
  startThermocline,
  type TestServer,
  temporaryDirectory,
} from '../support/servers.ts';

const MB = 1024 * 1024;
const CANNOT_UPDATE = 'Unable to update TLS configuration. Check server logs.';

function fixture(name: string): string {
  return join(import.meta.dirname, '..', 'fixtures', 'tls', name);
}

function contents(name: string): Buffer {
  return readFileSync(fixture(name));
}

const CERTIFICATE = { cert: contents('client.crt'), key: contents('client.key') };
const STRANGER = { cert: contents('stranger.crt'), key: contents('stranger.key') };

interface TlsServer extends TestServer {
  readonly tlsPort: number;
}

async function startTls(directives: Record<string, DirectiveValue> = {}): Promise<TlsServer> {
  const tlsPort = await freePort();
  const server = await startThermocline({
    port: await freePort(),
    'tls-port': tlsPort,
    'tls-cert-file': fixture('server.crt'),
    'tls-key-file': fixture('server.key'),
    'tls-ca-cert-file': fixture('authority.crt'),
    ...directives,
  });
  return { ...server, tlsPort };
}

/** A socket whose handshake is done, as far as the client can tell: what the server says of a certificate comes later. */
async function secureSocket(
  port: number,
  options: tls.ConnectionOptions = CERTIFICATE,
): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca: contents('authority.crt'), ...options });
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  atEnd(() => void socket.destroy());
  return socket;
}

async function secureClient(port: number, options?: tls.ConnectionOptions): Promise<TestClient> {
  return new TestClient(await secureSocket(port, options));
}

/** Whether a client gets a reply over TLS. */
async function isServed(port: number, options?: tls.ConnectionOptions): Promise<boolean> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca: contents('authority.crt'), ...options });
  const client = new TestClient(socket);
  client.send('PING\r\n');
  return client.rawReply().then(
    () => true,
    () => false,
  );
}

function serialNumber(socket: tls.TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.serialNumber;
}

const SERVER = new X509Certificate(contents('server.crt')).serialNumber;
const RENEWED = new X509Certificate(contents('server-renewed.crt')).serialNumber;

describe('clients', () => {
  let server: TlsServer;
  beforeAll(async () => {
    server = await startTls();
  });

  test('over TLS and without it see the same keys', async () => {
    const secure = await secureClient(server.tlsPort);
    const plain = await connect(server.port);
    expect(await secure.call('SET', 'key', 'value')).toBe('OK');
    expect(await plain.call('GET', 'key')).toBe('value');
    expect(fields(await secure.call('CLIENT', 'INFO'))).toMatchObject({
      addr: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      laddr: `127.0.0.1:${server.tlsPort}`,
      fd: expect.stringMatching(/^\d+$/),
    });
    expect(fields(await secure.call('INFO', 'server')).tcp_port).toBe(`${server.port}`);
  });

  test.runIf(hasRedisTools)('redis-cli', async () => {
    const words = ['-p', `${server.tlsPort}`, '--tls', '--cacert', fixture('authority.crt')];
    const certificate = ['--cert', fixture('client.crt'), '--key', fixture('client.key')];
    const run = (...more: string[]) =>
      spawnSync('redis-cli', [...words, ...more], { encoding: 'utf8' }).stdout;
    expect(run(...certificate, '-3', 'HELLO')).toContain('proto');
    expect(run(...certificate, 'ECHO', 'x'.repeat(100_000))).toBe(`${'x'.repeat(100_000)}\n`);
    expect(run('PING')).not.toContain('PONG');
  });

  test('ioredis', async () => {
    const client = new Redis({
      port: server.tlsPort,
      host: '127.0.0.1',
      tls: { ca: contents('authority.crt'), ...CERTIFICATE },
    });
    const pipeline = client.pipeline();
    for (let at = 0; at < 10_000; at++) pipeline.incr('ioredis');
    expect((await pipeline.exec())?.at(-1)).toEqual([null, 10_000]);
    expect(await client.subscribe('channel')).toBe(1);
    client.disconnect();
  });

  test.each([2, 3] as const)('node-redis over RESP%i', async (RESP) => {
    const client = createClient({
      RESP,
      socket: {
        port: server.tlsPort,
        host: '127.0.0.1',
        tls: true,
        ca: contents('authority.crt'),
        ...CERTIFICATE,
      },
    });
    await client.connect();
    await client.set('node-redis', 'x'.repeat(MB));
    expect(await client.get('node-redis')).toHaveLength(MB);
    client.destroy();
  });

  test('who shows no certificate, one that nobody vouches for, or speaks no TLS, is not served', async () => {
    expect(await isServed(server.tlsPort, CERTIFICATE)).toBe(true);
    expect(await isServed(server.tlsPort)).toBe(false);
    expect(await isServed(server.tlsPort, STRANGER)).toBe(false);
    const plain = await connect(server.tlsPort);
    plain.send('PING\r\n');
    expect(`${await plain.untilClosed()}`).not.toContain('PONG');
    await server.logged(/Error accepting a client connection: peer did not return a certificate/);
    await server.logged(/Error accepting a client connection: certificate verify failed/);
    await server.logged(/Error accepting a client connection: wrong version number/);
    expect(await isServed(server.tlsPort, CERTIFICATE)).toBe(true);
  });

  test('with a certificate that the authority of another has signed do not trust the server', async () => {
    const refused = secureSocket(server.tlsPort, { ...CERTIFICATE, ca: contents('stranger-authority.crt') });
    await expect(refused).rejects.toThrow(/unable to verify|self-signed|issuer/);
  });

  test('must show a certificate, may, or need not', async () => {
    const admin = await connect(server.port);
    await admin.call('CONFIG', 'SET', 'tls-auth-clients', 'optional');
    expect(await isServed(server.tlsPort)).toBe(true);
    expect(await isServed(server.tlsPort, CERTIFICATE)).toBe(true);
    expect(await isServed(server.tlsPort, STRANGER)).toBe(false);
    await admin.call('CONFIG', 'SET', 'tls-auth-clients', 'no');
    expect(await isServed(server.tlsPort)).toBe(true);
    expect(await isServed(server.tlsPort, STRANGER)).toBe(true);
    await admin.call('CONFIG', 'SET', 'tls-auth-clients', 'yes');
    expect(await isServed(server.tlsPort)).toBe(false);
  });

  test('are logged in as the user that their certificate names', async () => {
    const admin = await connect(server.port);
    const whoAmI = async () => (await secureClient(server.tlsPort)).call('ACL', 'WHOAMI');
    expect(await whoAmI()).toBe('default');
    expect(await admin.call('CONFIG', 'SET', 'tls-auth-clients-user', 'CN')).toBe('OK');
    expect(await whoAmI()).toBe('default');
    expect(fields(await admin.call('INFO', 'stats')).acl_access_denied_tls_cert).toBe('1');
    expect(await admin.call('ACL', 'LOG')).toMatchObject([
      expect.arrayContaining(['reason', 'tls-cert', 'username', 'alice']),
    ]);
    await admin.call('ACL', 'SETUSER', 'alice', 'on', '+acl|whoami');
    expect(await whoAmI()).toBe('alice');
    await admin.call('ACL', 'SETUSER', 'alice', 'off');
    expect(await whoAmI()).toBe('default');
    await admin.call('CONFIG', 'SET', 'tls-auth-clients-user', 'off');
  });
});

describe('versions and ciphers', () => {
  let server: TlsServer;
  let admin: TestClient;
  beforeAll(async () => {
    server = await startTls({ 'tls-auth-clients': 'no', 'tls-dh-params-file': fixture('dh.pem') });
    admin = await connect(server.port);
  });

  async function versionOf(options: tls.ConnectionOptions): Promise<string | null> {
    const socket = await secureSocket(server.tlsPort, options);
    const version = socket.getProtocol();
    socket.destroy();
    return version;
  }

  test('are TLS 1.2 and 1.3 unless others are asked for', async () => {
    expect(await versionOf({})).toBe('TLSv1.3');
    expect(await versionOf({ maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(versionOf(old)).rejects.toThrow();
    expect(await admin.call('CONFIG', 'SET', 'tls-protocols', 'tlsv1.2')).toBe('OK');
    expect(await versionOf({})).toBe('TLSv1.2');
    await expect(versionOf({ minVersion: 'TLSv1.3' })).rejects.toThrow();
    await admin.call('CONFIG', 'SET', 'tls-protocols', 'TLSv1.3');
    await expect(versionOf({ maxVersion: 'TLSv1.2' })).rejects.toThrow();
    await admin.call('CONFIG', 'SET', 'tls-protocols', '');
    expect(await versionOf({ maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
  });

  test('can be chosen, and in whose order', async () => {
    const cipherOf = async (options: tls.ConnectionOptions) => {
      const socket = await secureSocket(server.tlsPort, options);
      const { name } = socket.getCipher();
      socket.destroy();
      return name;
    };
    await admin.call('CONFIG', 'SET', 'tls-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256');
    expect(await cipherOf({})).toBe('TLS_CHACHA20_POLY1305_SHA256');
    await admin.call('CONFIG', 'SET', 'tls-ciphersuites', '');
    const [first, second] = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'];
    const client = { maxVersion: 'TLSv1.2', ciphers: `${second}:${first}` } as const;
    await admin.call('CONFIG', 'SET', 'tls-ciphers', `${first}:${second}`);
    expect(await cipherOf(client)).toBe(second);
    await admin.call('CONFIG', 'SET', 'tls-prefer-server-ciphers', 'yes');
    expect(await cipherOf(client)).toBe(first);
    await admin.call('CONFIG', 'SET', 'tls-ciphers', first);
    await expect(cipherOf({ ...client, ciphers: second })).rejects.toThrow();
    await admin.call('CONFIG', 'SET', 'tls-ciphers', '');
    expect(await cipherOf({ ...client, ciphers: second })).toBe(second);
  });

  test('sessions are resumed if they may', async () => {
    const isResumed = async (maxVersion: 'TLSv1.2' | 'TLSv1.3') => {
      const first = await secureSocket(server.tlsPort, { maxVersion });
      const session =
        maxVersion === 'TLSv1.2'
          ? first.getSession()
          : await new Promise<Buffer>((resolve) => first.once('session', resolve));
      const second = await secureSocket(server.tlsPort, { maxVersion, session });
      const resumed = second.isSessionReused();
      first.destroy();
      second.destroy();
      return resumed;
    };
    expect(await isResumed('TLSv1.2')).toBe(true);
    expect(await isResumed('TLSv1.3')).toBe(true);
    await admin.call('CONFIG', 'SET', 'tls-session-caching', 'no');
    expect(await isResumed('TLSv1.2')).toBe(false);
    expect(await isResumed('TLSv1.3')).toBe(false);
  });
});

describe('a change of the settings', () => {
  test('meets new connections, and leaves those that are there', async () => {
    const server = await startTls();
    const old = await secureSocket(server.tlsPort);
    const client = new TestClient(old);
    expect(serialNumber(old)).toBe(SERVER);
    const set = [
      'tls-cert-file',
      fixture('server-renewed.crt'),
      'tls-key-file',
      fixture('server-renewed.key'),
    ];
    expect(await client.call('CONFIG', 'SET', ...set)).toBe('OK');
    expect(serialNumber(await secureSocket(server.tlsPort))).toBe(RENEWED);
    expect(await client.call('PING')).toBe('PONG');
  });

  test('loads files of the same names again', async () => {
    const directory = temporaryDirectory();
    const [certificate, key] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
    copyFileSync(fixture('server.crt'), certificate);
    copyFileSync(fixture('server.key'), key);
    const server = await startTls({ 'tls-cert-file': certificate, 'tls-key-file': key });
    const admin = await connect(server.port);
    copyFileSync(fixture('server-renewed.crt'), certificate);
    copyFileSync(fixture('server-renewed.key'), key);
    expect(serialNumber(await secureSocket(server.tlsPort))).toBe(SERVER);
    expect(await admin.call('CONFIG', 'SET', 'tls-cert-file', certificate)).toBe('OK');
    expect(serialNumber(await secureSocket(server.tlsPort))).toBe(RENEWED);
  });

  test.each([
    ['tls-cert-file', '/missing.crt', /Failed to load certificate: \/missing.crt: No such file or directory/],
    ['tls-cert-file', fixture('server-renewed.crt'), /key values mismatch/],
    ['tls-key-file', fixture('server.crt'), /./],
    ['tls-ca-cert-file', '/missing.crt', /Failed to load CA certificate: \/missing.crt/],
    ['tls-ca-cert-file', '', /Either tls-ca-cert-file or tls-ca-cert-dir must be specified/],
    ['tls-ca-cert-dir', '/missing', /Failed to configure CA certificate\(s\) file\/directory: \/missing/],
    ['tls-dh-params-file', fixture('server.crt'), /server.crt: failed to read DH params\./],
    ['tls-protocols', 'TLSv1.4', /Invalid tls-protocols specified/],
    ['tls-ciphers', 'nonsense', /./],
    ['tls-ciphersuites', 'TLS_NONSENSE', /./],
  ])('to %s %s is refused, and the old ones stay', async (name, value, logged) => {
    const server = await startTls();
    const client = await secureClient(server.tlsPort);
    expect(errorText(await client.call('CONFIG', 'SET', name, value))).toBe(
      `ERR CONFIG SET failed (possibly related to argument '${name}') - ${CANNOT_UPDATE}`,
    );
    await server.logged(logged);
    expect(serialNumber(await secureSocket(server.tlsPort))).toBe(SERVER);
    expect(await client.call('CONFIG', 'GET', name)).not.toContain(value || 'nothing');
  });

  test('opens, moves and closes the TLS port', async () => {
    const server = await startTls({ 'tls-port': 0, 'tls-cert-file': '' });
    const admin = await connect(server.port);
    const [first, second] = [await freePort(), await freePort()];
    const setPort = (port: number) => admin.call('CONFIG', 'SET', 'tls-port', port);
    expect(errorText(await setPort(first))).toBe(
      `ERR CONFIG SET failed (possibly related to argument 'tls-port') - ${CANNOT_UPDATE}`,
    );
    expect(await admin.call('CONFIG', 'SET', 'tls-cert-file', fixture('server.crt'))).toBe('OK');
    expect(await setPort(first)).toBe('OK');
    expect(await isServed(first, CERTIFICATE)).toBe(true);
    expect(errorText(await setPort(server.port))).toContain(
      'Unable to listen on this port. Check server logs.',
    );
    expect(await isServed(first, CERTIFICATE)).toBe(true);
    expect(await setPort(second)).toBe('OK');
    expect(await isServed(second, CERTIFICATE)).toBe(true);
    await expect(connect(first)).rejects.toThrow('ECONNREFUSED');
    expect(await setPort(0)).toBe('OK');
    await expect(connect(second)).rejects.toThrow('ECONNREFUSED');
    expect(await admin.call('PING')).toBe('PONG');
  });
});

describe('the start', () => {
  test('needs a certificate, its key, and an authority for those of clients', async () => {
    const run = (...words: string[]) => runThermocline(['--port', '0', '--tls-port', '1', ...words]);
    const nothing = await run();
    expect(nothing.status).toBe(1);
    expect(nothing.output).toContain('No tls-cert-file configured!');
    expect(nothing.output).toContain('Failed to configure TLS. Check logs for more info.');
    expect((await run('--tls-cert-file', fixture('server.crt'))).output).toContain(
      'No tls-key-file configured!',
    );
  });

  test('with port 0 listens for TLS alone', async () => {
    const server = await startTls({ port: 0 });
    expect(server.port).toBe(server.tlsPort);
    const client = await secureClient(server.tlsPort);
    expect(fields(await client.call('INFO', 'server')).tcp_port).toBe(`${server.tlsPort}`);
    expect(await client.call('CONFIG', 'GET', 'port')).toEqual(['port', '0']);
  });

  test('takes a key with a password, and authorities from a directory', async () => {
    const directory = join(temporaryDirectory(), 'authorities');
    mkdirSync(directory);
    copyFileSync(fixture('authority.crt'), join(directory, '0123abcd.0'));
    writeFileSync(join(directory, 'README'), 'no certificate');
    const server = await startTls({
      'tls-key-file': fixture('server-encrypted.key'),
      'tls-key-file-pass': 'open-sesame',
      'tls-ca-cert-file': '',
      'tls-ca-cert-dir': directory,
    });
    expect(await isServed(server.tlsPort, CERTIFICATE)).toBe(true);
    expect(await isServed(server.tlsPort, STRANGER)).toBe(false);
    const admin = await connect(server.port);
    expect(errorText(await admin.call('CONFIG', 'SET', 'tls-key-file-pass', 'wrong'))).toContain(
      CANNOT_UPDATE,
    );
  });
});

describe('much data', () => {
  let server: TlsServer;
  let admin: TestClient;
  beforeAll(async () => {
    server = await startTls();
    admin = await connect(server.port);
  });

  test('in pipelines, and in arguments and replies of many megabytes', async () => {
    const client = await secureClient(server.tlsPort);
    const count = 20_000;
    const value = 'v'.repeat(100);
    const words = Array.from({ length: count }, (_, at) => [
      encodeCommand('SET', `key:${at}`, value),
      encodeCommand('GET', `key:${at}`),
    ]);
    client.send(Buffer.concat(words.flat()));
    const replies = await client.rawReplies(2 * count);
    expect(new Set(replies.map(String))).toEqual(new Set(['+OK\r\n', `$100\r\n${value}\r\n`]));
    const large = Buffer.alloc(32 * MB, 'z');
    expect(await client.call('SET', 'large', large)).toBe('OK');
    client.send(encodeCommand('GET', 'large'));
    expect(large.equals((await client.reply(false)) as unknown as Buffer)).toBe(true);
  });

  test('to a client that does not read: it is dropped at its limit, and the memory is given back', async () => {
    await admin.call('SET', 'value', 'x'.repeat(MB));
    await admin.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 8mb 0 0');
    const counter = async () =>
      Number(fields(await admin.call('INFO', 'stats')).client_output_buffer_limit_disconnections);
    const before = await counter();
    const socket = await secureSocket(server.tlsPort);
    socket.pause();
    socket.write(Buffer.concat(Array.from({ length: 200 }, () => encodeCommand('GET', 'value'))));
    await eventually(async () => (await counter()) > before, 'the client is dropped');
    await eventually(
      async () => Number(fields(await admin.call('INFO', 'clients')).connected_clients) === 1,
      'it is no client any more',
    );
    socket.destroy();
    await admin.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 0 0');
  });

  test('to a client that reads late and has ended its own side: it gets all', async () => {
    await admin.call('SET', 'value', 'x'.repeat(MB));
    const socket = await secureSocket(server.tlsPort, { ...CERTIFICATE, allowHalfOpen: true } as never);
    socket.pause();
    socket.end(Buffer.concat(Array.from({ length: 20 }, () => encodeCommand('GET', 'value'))));
    await eventually(
      async () => `${await admin.call('INFO', 'commandstats')}`.includes('cmdstat_get'),
      'the server has read the commands',
    );
    const client = new TestClient(socket);
    socket.resume();
    const reply = `$${MB}\r\n${'x'.repeat(MB)}\r\n`.length;
    expect(await client.untilClosed()).toHaveLength(20 * reply);
  });

  test('one command and the end of the connection at once: there is a reply', async () => {
    for (let round = 0; round < 20; round++) {
      const socket = await secureSocket(server.tlsPort);
      socket.end('PING\r\n');
      expect(`${await new TestClient(socket).untilClosed()}`).toBe('+PONG\r\n');
    }
  });

  test('of Pub/Sub', async () => {
    const subscriber = await secureClient(server.tlsPort);
    await subscriber.call('SUBSCRIBE', 'channel');
    const publishing = Array.from({ length: 1000 }, (_, at) =>
      encodeCommand('PUBLISH', 'channel', `${at}:${'m'.repeat(1000)}`),
    );
    admin.send(Buffer.concat(publishing));
    await admin.rawReplies(1000);
    const messages = await subscriber.rawReplies(1000);
    expect(messages.every((message, at) => `${message}`.includes(`\r\n${at}:m`))).toBe(true);
  });
});

describe('a client that does not shake hands', () => {
  test('is counted for maxclients, and dropped after the timeout', async () => {
    const server = await startTls({ maxclients: 1, timeout: 2 });
    let silent = await connect(server.tlsPort);
    await eventually(async () => {
      // It was refused itself if an earlier round was still there.
      if (silent.isClosed) silent = await connect(server.tlsPort);
      const plain = await connect(server.port);
      plain.send('PING\r\n');
      const reply = await plain.rawReply().catch(() => '');
      plain.close();
      return `${reply}` === '-ERR max number of clients reached\r\n';
    }, 'the handshake is counted');
    const refused = await connect(server.tlsPort);
    expect(await refused.untilClosed()).toHaveLength(0);
    await silent.untilClosed();
    await server.logged(/Error accepting a client connection: no handshake in time/);
    const admin = await connect(server.port);
    expect(Number(fields(await admin.call('INFO', 'stats')).rejected_connections)).toBeGreaterThanOrEqual(2);
  });

  test('does not keep the server from ending', async () => {
    const server = await startTls();
    const silent = await connect(server.tlsPort);
    await server.close();
    await silent.untilClosed();
  });
});
