import { beforeAll, describe, expect, test } from 'vitest';
import { connect, type TestClient } from '../support/client.ts';
import { eventually, freePort, startThermocline, type TestServer } from '../support/servers.ts';

let server: TestServer;
let client: TestClient;
let url: string;

interface Figures {
  readonly keys: { readonly all: number };
  readonly tier: { readonly coldKeys: number; readonly coldReads: { readonly count: number } };
  readonly keyWalk: {
    readonly hottest: readonly { readonly name: string; readonly score: number }[];
    readonly largest: readonly { readonly name: string; readonly bytes: number; readonly database: number }[];
  } | null;
  readonly slowLog: readonly { readonly words: readonly string[] }[] | null;
  readonly coldSlowLog: readonly object[] | null;
  readonly curve: object | null;
}

/** Asks for a path as somebody. */
function ask(path: string, login?: string, headers: Record<string, string> = {}): Promise<Response> {
  const basic =
    login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  return fetch(`${url}${path}`, { headers: { ...basic, ...headers } });
}

async function figuresOf(login?: string): Promise<Figures> {
  const response = await ask('/figures.json', login);
  expect(response.status).toBe(200);
  return (await response.json()) as Figures;
}

beforeAll(async () => {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  server = await startThermocline({
    'dashboard-port': port,
    'enable-flex': true,
    maxmemory: '64mb',
    'slowlog-log-slower-than': 0,
  });
  client = await connect(server.port);
  await client.call('SET', 'small', 'value');
  await client.call('SET', 'large', 'v'.repeat(50_000));
  await client.call('SET', Buffer.from([0x62, 0xff, 0x00]), 'v'.repeat(2000));
  await client.call('SET', 'cold', 'v'.repeat(1000));
  await client.call('FLEX', 'DEMOTE', 'cold');
  await client.call('GET', 'cold');
  await client.call('SELECT', 3);
  for (let at = 0; at < 3000; at++) await client.call('HSET', 'hash', `field ${at}`, 'value');
  await client.call('SELECT', 0);
});

describe('the page', () => {
  test('is served with its files, which run no foreign script', async () => {
    for (const [path, type] of [
      ['/', 'text/html; charset=utf-8'],
      ['/style.css', 'text/css; charset=utf-8'],
      ['/script.js', 'text/javascript; charset=utf-8'],
      ['/charts.js', 'text/javascript; charset=utf-8'],
      ['/icon.svg', 'image/svg+xml'],
    ]) {
      const response = await ask(path);
      expect([path, response.status, response.headers.get('content-type')]).toEqual([path, 200, type]);
      expect(response.headers.get('content-security-policy')).toContain(
        "default-src 'none'; script-src 'self'",
      );
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect(await response.text()).not.toMatch(/<script>|\son[a-z]+=|\sstyle=|https?:\/\/(?!www\.w3\.org)/);
    }
    expect((await ask('/../package.json')).status).toBe(404);
    expect((await ask('/constructor')).status).toBe(404);
  });

  test('takes nothing but GET', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await fetch(`${url}/figures.json`, { method });
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'GET']);
    }
  });

  test('tells the figures', async () => {
    const figures = await figuresOf();
    expect(figures.keys.all).toBe(5);
    expect(figures.tier.coldKeys).toBe(1);
    expect(figures.tier.coldReads.count).toBeGreaterThan(0);
    expect(figures.slowLog?.[0].words).toEqual(['SELECT', '0']);
  });

  test('finds the largest keys of all databases and the hottest, their names fit to be shown', async () => {
    let figures = await figuresOf();
    await eventually(async () => {
      await client.call('GET', 'small');
      figures = await figuresOf();
      const { hottest = [], largest = [] } = figures.keyWalk ?? {};
      return largest[0]?.name === 'hash' && hottest.some(({ name, score }) => name === 'small' && score > 0);
    }, 'the largest key is found, and the key that is read to be hot');
    const largest = figures.keyWalk?.largest.map(({ name, database }) => [name, database]);
    expect(largest?.slice(0, 3)).toEqual([
      ['hash', 3],
      ['large', 0],
      ['"b\\xff\\x00"', 0],
    ]);
    expect(figures.keyWalk?.largest[0].bytes).toBeGreaterThan(50_000);
  });
});

describe('who may see it', () => {
  test('without a password, only who calls the server by its address: no name of another site leads there', async () => {
    const status = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        import('node:http').then(({ get }) =>
          get(`${url}/figures.json`, { headers: { host } }, (response) => {
            response.resume();
            resolve(response.statusCode);
          }).on('error', reject),
        );
      });
    expect(await status('127.0.0.1:80')).toBe(200);
    expect(await status('LOCALHOST:8080')).toBe(200);
    expect(await status('[::1]:80')).toBe(200);
    expect(await status('attacker.example')).toBe(403);
    expect(await status('127.0.0.1.attacker.example')).toBe(403);
  });

  test('users by name and password, with the rights of the commands that tell the same', async () => {
    await client.call('ACL', 'SETUSER', 'watcher', 'on', '>sécret:1', '+info', '+flex|stats');
    await client.call('ACL', 'SETUSER', 'half', 'on', '>pass', '+info');
    await client.call('ACL', 'SETUSER', 'gone', 'off', '>pass', '+@all');
    await client.call('ACL', 'SETUSER', 'default', '>pass');
    try {
      await client.call('ACL', 'LOG', 'RESET');
      const stranger = await ask('/');
      expect(stranger.status).toBe(401);
      expect(stranger.headers.get('www-authenticate')).toBe('Basic realm="Thermocline", charset="UTF-8"');
      for (const path of ['/', '/script.js', '/figures.json']) {
        expect((await ask(path, 'watcher:wrong')).status).toBe(401);
        expect((await ask(path, 'nobody:pass')).status).toBe(401);
        expect((await ask(path, 'gone:pass')).status).toBe(401);
      }
      expect((await ask('/', undefined, { authorization: 'Bearer x' })).status).toBe(401);
      const refused = await ask('/', 'half:pass');
      expect([refused.status, await refused.text()]).toEqual([
        403,
        "NOPERM User half has no permissions to run the 'flex|stats' command\n",
      ]);
      const log = (await client.call('ACL', 'LOG')) as unknown[][];
      const fields = log.map((entry) =>
        Object.fromEntries(entry.map((_, at) => [entry[at - (at % 2)], entry[at - (at % 2) + 1]])),
      );
      expect(fields.map(({ reason, object, username }) => [reason, object, username])).toEqual([
        ['command', 'flex|stats', 'half'],
        ['auth', 'AUTH', 'gone'],
        ['auth', 'AUTH', 'nobody'],
        ['auth', 'AUTH', 'watcher'],
      ]);
      const figures = await figuresOf('watcher:sécret:1');
      expect(figures.keys.all).toBe(5);
      expect([figures.keyWalk, figures.slowLog, figures.coldSlowLog, figures.curve]).toEqual([
        null,
        null,
        null,
        null,
      ]);
      await client.call('ACL', 'SETUSER', 'watcher', '+scan', '+slowlog|get', '+flex|slowlog', '+flex|curve');
      const more = await figuresOf('watcher:sécret:1');
      expect([more.keyWalk, more.slowLog, more.coldSlowLog, more.curve]).not.toContain(null);
    } finally {
      await client.call('ACL', 'SETUSER', 'default', 'nopass');
    }
  });
});

test('the port is opened, moved and closed while the server runs', async () => {
  const first = await freePort();
  const plain = await startThermocline({});
  const admin = await connect(plain.port);
  await admin.call('CONFIG', 'SET', 'dashboard-port', first);
  const answers = (port: number) =>
    fetch(`http://127.0.0.1:${port}/`).then(
      ({ status }) => status,
      () => 0,
    );
  expect(await answers(first)).toBe(200);
  await admin.call('CONFIG', 'SET', 'dashboard-port', 0);
  expect(await answers(first)).toBe(0);
});
