import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Config } from './config.ts';
import { DIRECTIVES, FILE_DIRECTIVES } from './directives.ts';

const standardInput = vi.hoisted(() => ({ text: '' }));
vi.mock('../base/files.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../base/files.ts')>()),
  readStandardInput: () => Buffer.from(standardInput.text),
}));

const repository = join(import.meta.dirname, '..', '..');
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thermocline-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string, ...args: string[]): Config {
  const path = join(folder, 'test.conf');
  writeFileSync(path, text);
  return new Config([path, ...args]);
}

/** In the style of what Debian installs as /etc/redis/redis.conf. */
const PRODUCTION = `# Redis configuration file example.
#
# Note on units: 1k => 1000 bytes

################################## NETWORK #####################################

bind 127.0.0.1 -::1
protected-mode yes
port 6379
tcp-backlog 511
# unixsocket /run/redis/redis-server.sock
# unixsocketperm 700
timeout 0
tcp-keepalive 300

################################# GENERAL #####################################

daemonize yes
pidfile /run/redis/redis-server.pid
loglevel notice
logfile /var/log/redis/redis-server.log
databases 16
always-show-logo no
set-proc-title yes
proc-title-template "{title} {listen-addr} {server-mode}"

################################ SNAPSHOTTING  ################################

save 900 1
save 300 10
stop-writes-on-bgsave-error yes
rdbcompression yes
dbfilename dump.rdb
dir FOLDER
replica-serve-stale-data yes
slave-priority 100
acllog-max-len 128

requirepass "foo bared"
maxclients 10000
maxmemory 2gb
maxmemory-policy allkeys-lru
appendonly no
appendfsync everysec
lua-time-limit 5000
hash-max-ziplist-entries 512
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit slave 512mb 64mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
hz 10
user default on nopass ~* &* +@all
`;

describe('loading', () => {
  test('a production file, telling what has no effect', () => {
    const config = load(PRODUCTION.replace('FOLDER', folder));
    expect(config.values).toMatchObject({
      bind: ['127.0.0.1', '-::1'],
      daemonize: true,
      pidfile: '/run/redis/redis-server.pid',
      dir: folder,
      requirepass: 'foo bared',
      maxmemory: 2 * 1024 ** 3,
      'maxmemory-policy': 'allkeys-lru',
      save: [
        { seconds: 900, changes: 1 },
        { seconds: 300, changes: 10 },
      ],
    });
    expect(config.values['client-output-buffer-limit'].replica.hardBytes).toBe(512 * 1024 ** 2);
    expect(config.file).toBe(join(folder, 'test.conf'));
    expect(config.warnings).toEqual([]);
  });

  test('overrides the file from the command line', () => {
    const config = load(
      'port 1\nenable-flex no\n',
      ...'--port 6380 --enable-flex yes --flex-storage-path /data/ssd --flex-hot-threshold 0.5'.split(' '),
    );
    expect(config.values).toMatchObject({
      port: 6380,
      'enable-flex': true,
      'flex-storage-path': '/data/ssd',
      'flex-hot-threshold': 0.5,
    });
  });

  test('takes one argument for the words of a directive', () => {
    const config = new Config(['--shutdown-on-sigterm', 'nosave force', '--save', '3600 1 60 1000']);
    expect(config.values['shutdown-on-sigterm']).toEqual(['nosave', 'force']);
    expect(config.get(['save'])).toEqual([['save', '3600 1 60 1000']]);
  });

  test('reads standard input', () => {
    standardInput.text = 'port 1234\nhz 3\n';
    const config = load('port 1\ntimeout 9\n', '-', '--hz', '7');
    expect(config.values).toMatchObject({ port: 1234, timeout: 9, hz: 7 });
  });

  test.each([
    ['port 6380\nfoo bar', 2, 'foo bar', 'Bad directive or wrong number of arguments'],
    ['port abc', 1, 'port abc', "argument couldn't be parsed into an integer"],
    ['\n\nport 1 2', 3, 'port 1 2', 'wrong number of arguments'],
    ['port', 1, 'port', 'wrong number of arguments'],
    ['hash-max-ziplist-entries -1', 1, 'hash-max-ziplist-entries -1', 'argument must be between 0'],
    ['slaveof host 1', 1, 'slaveof host 1', "'replicaof' asks for"],
    ['cluster-enabled yes', 1, 'cluster-enabled yes', "'cluster-enabled' asks for"],
    ['socket-mark-id 5', 1, 'socket-mark-id 5', "'socket-mark-id' asks for"],
    ['loadmodule /a.so', 1, 'loadmodule /a.so', "'loadmodule' asks for"],
    ['loadmodule x.so', 1, 'loadmodule x.so', "'loadmodule' asks for"],
    ['dir /nowhere', 1, 'dir /nowhere', 'No such file or directory'],
  ])('refuses %j with its place', (text, line, shown, reason) => {
    expect(() => load(text)).toThrow(
      `*** FATAL CONFIG FILE ERROR (Thermocline) ***\nReading ${folder}/test.conf, at line ${line}\n>>> '${shown}'\n${reason}`,
    );
  });

  test('refuses a bad option', () => {
    expect(() => new Config(['--port', '1', '--foo', '2'])).toThrow(
      'Reading the command line\n>>> \'foo "2"\'\nBad directive or wrong number of arguments',
    );
    expect(() => new Config(['--constructor', '2'])).toThrow('Bad directive');
  });

  test('lets the harmless values of what is missing pass', () => {
    const config = load(
      'appendonly no\nreplicaof no one\nshutdown-on-sigterm nosave now\ntls-port 0\naclfile ""\n',
    );
    expect(config.warnings).toEqual([]);
    expect(config.values['shutdown-on-sigterm']).toEqual(['nosave', 'now']);
  });

  test('adds up save as Redis does', () => {
    const saves = (text: string, ...args: string[]) => load(text, ...args).get(['save'])[0][1];
    expect(saves('save 900 1\nsave 60 5')).toBe('900 1 60 5');
    expect(saves('save 900 1\nsave ""')).toBe('');
    expect(saves('save 900 1', '--save', '60', '5')).toBe('900 1 60 5');
    expect(saves('save 900 1', '--save', '')).toBe('');
    expect(saves('', '--save', '900 1 60 5')).toBe('900 1 60 5');
  });

  test('has save points by itself only without Flex', () => {
    const saves = (...args: string[]) => new Config(args).get(['save'])[0][1];
    expect(saves()).toBe('3600 1 300 100 60 10000');
    expect(saves('--enable-flex', 'yes')).toBe('');
    expect(saves('--enable-flex', 'yes', '--save', '60', '1')).toBe('60 1');
  });

  test.each(['thermocline.conf', 'large-cache.conf'])('conf/%s loads without warnings', (name) => {
    const config = new Config([join(repository, 'conf', name)]);
    expect(config.warnings).toEqual([]);
    expect(config.values['enable-flex']).toBe(true);
  });

  test('conf/thermocline.conf has the defaults but for Flex and the address', () => {
    const defaults = new Map(new Config().get(['*']));
    const config = new Config([join(repository, 'conf', 'thermocline.conf')]);
    const changed = config.get(['*']).filter(([name, value]) => defaults.get(name) !== value);
    expect(changed).toEqual([
      ['enable-flex', 'yes'],
      ['bind', '127.0.0.1'],
      // With Flex on, snapshots are made when asked for.
      ['save', ''],
    ]);
  });
});

describe('get', () => {
  test('answers names and patterns as Redis does', () => {
    const config = new Config();
    expect(config.get(['MaxMemory', 'max*-policy', 'maxmemory', 'nothing'])).toEqual([
      ['MaxMemory', '0'],
      ['maxmemory-policy', 'noeviction'],
    ]);
    expect(config.get(['*slave-priority', 'replica-priority'])).toEqual([
      ['slave-priority', '100'],
      ['replica-priority', '100'],
    ]);
    expect(config.get(['watchdog*'])).toEqual([]);
    expect(config.get(['watchdog-period'])).toEqual([['watchdog-period', '0']]);
    expect(config.get(['bind', 'client-output*'])).toEqual([
      ['bind', '* -::*'],
      ['client-output-buffer-limit', 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60'],
    ]);
  });
});

describe('set', () => {
  test('changes several directives, by alias too', () => {
    const config = new Config();
    const values = config.values;
    expect(
      config.set([
        ['maxmemory', '1mb'],
        ['LUA-time-limit', '100'],
      ]),
    ).toBeUndefined();
    expect(values.maxmemory).toBe(1048576);
    expect(values['busy-reply-threshold']).toBe(100);
  });

  test.each([
    [[['foo', '1']], "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"],
    [[['port', '99999']], "port') - argument must be between 0 and 65535 inclusive"],
    [[['daemonize', 'yes']], "daemonize') - can't set immutable config"],
    [[['dir', '/']], "dir') - can't set protected config"],
    [
      [
        ['hz', '1'],
        ['Hz', '2'],
      ],
      "Hz') - duplicate parameter",
    ],
    [[['lua-time-limit', 'x']], "busy-reply-threshold') - argument couldn't be parsed into an integer"],
    [[['save', '1']], "save') - Invalid save parameters"],
  ] as [[string, string][], string][])('%j is refused and changes nothing', (pairs, error) => {
    const config = new Config();
    const before = config.get(['*']);
    config.onChange(['maxmemory', 'hz'], () => 'not reached');
    const full = error.startsWith('ERR')
      ? error
      : `ERR CONFIG SET failed (possibly related to argument '${error}`;
    expect(config.set([['maxmemory', '5'], ...pairs])).toMatch(full.slice(0, 60));
    expect(config.set([['maxmemory', '5'], ...pairs])).toContain(full);
    expect(config.get(['*'])).toEqual(before);
  });

  test('calls a hook once for all that it watches, and only if something changed', () => {
    const config = new Config();
    const seen: unknown[] = [];
    config.onChange(['port', 'bind'], () => {
      seen.push([config.values.port, config.values.bind]);
      return undefined;
    });
    config.set([['hz', '20']]);
    config.set([['port', '6379']]);
    expect(seen).toEqual([]);
    config.set([
      ['port', '1'],
      ['bind', '127.0.0.1'],
      // With Flex on, snapshots are made when asked for.
      ['save', ''],
    ]);
    expect(seen).toEqual([[1, ['127.0.0.1']]]);
  });

  test('takes everything back when a hook refuses', () => {
    const config = new Config();
    const applied: number[] = [];
    config.onChange('maxmemory', () => {
      applied.push(config.values.maxmemory);
      return undefined;
    });
    config.onChange('port', () => (config.values.port === 1 ? 'Unable to listen on this port.' : undefined));
    config.onChange('hz', () => {
      throw new Error('not reached');
    });
    expect(
      config.set([
        ['maxmemory', '7'],
        ['port', '1'],
        ['hz', '20'],
      ]),
    ).toBe("ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port.");
    expect(applied).toEqual([7, 0]);
    expect(config.values).toMatchObject({ maxmemory: 0, port: 6379, hz: 10 });
  });

  test('lets those whom enable-protected-configs names change protected directives', () => {
    mkdirSync(join(folder, 'sub'));
    const local = new Config(['--dir', folder, '--enable-protected-configs', 'local']);
    expect(local.set([['dir', 'sub']], false)).toContain("can't set protected config");
    expect(local.set([['dir', 'sub']], true)).toBeUndefined();
    expect(local.values.dir).toBe(join(folder, 'sub'));
    const all = new Config(['--enable-protected-configs', 'yes']);
    expect(all.set([['dbfilename', 'x.rdb']], false)).toBeUndefined();
  });

  test('warns of what has no effect', () => {
    const config = new Config();
    const warnings: string[] = [];
    config.onWarning = (message) => warnings.push(message);
    config.set([
      ['activedefrag', 'yes'],
      ['hz', '20'],
    ]);
    config.set([['activedefrag', 'yes']]);
    expect(warnings).toEqual([
      "CONFIG SET: 'activedefrag' is accepted but has no effect: Thermocline does not have what it governs",
    ]);
  });

  test('knows what must not be logged', () => {
    const config = new Config();
    expect(config.isSensitive('RequirePass')).toBe(true);
    expect(config.isSensitive('port')).toBe(false);
    expect(config.isSensitive('nothing')).toBe(false);
  });
});

describe('rewrite', () => {
  const rewritten = (): string => readFileSync(join(folder, 'test.conf'), 'utf8');

  test('keeps comments and order, replaces, removes and appends', () => {
    const config = load(
      '# c\nport   7397\n\n\nslave-priority 50\nmaxmemory 100mb\nbind 127.0.0.1\nhash-max-ziplist-entries 100\n' +
        'loglevel verbose\nloglevel notice\nrequirepass "x"\nsave 60 1\nsave 5 5\nunixsocketperm 700\n' +
        'include /none/*.conf\nlua-replicate-commands yes\n',
    );
    expect(
      config.set([
        ['maxmemory', '0'],
        ['requirepass', ''],
        ['save', '60 1'],
        ['proc-title-template', 'a"b'],
        ['maxmemory-policy', 'allkeys-lfu'],
        ['client-output-buffer-limit', 'slave 1mb 1 1'],
        ['bind', '* -::*'],
      ]),
    ).toBeUndefined();
    expect(config.rewrite()).toBeUndefined();
    expect(rewritten()).toBe(`# c
port 7397

replica-priority 50
maxmemory 0

hash-max-listpack-entries 100
loglevel notice

save 60 1

unixsocketperm 700
include /none/*.conf
lua-replicate-commands yes
# Generated by CONFIG REWRITE
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica 1mb 1 1
client-output-buffer-limit pubsub 32mb 8mb 60
dir "${process.cwd()}"
proc-title-template "a\\"b"
maxmemory-policy allkeys-lfu
`);
    const text = rewritten();
    expect(config.rewrite()).toBeUndefined();
    expect(rewritten()).toBe(text);
  });

  test('writes what loads to the same values, for every directive', () => {
    const odd: Record<string, string> = {
      requirepass: 'grün "\\\n\x01',
      bind: '127.0.0.1 -::1',
      save: '60 1 5 5',
      'client-output-buffer-limit': 'normal 1mb 2 3 slave 4 5 6',
      'oom-score-adj-values': '1 2 3',
      'latency-tracking-info-percentiles': '',
      'flex-hot-threshold': '0.25',
      maxmemory: '1025',
      'shutdown-on-sigint': 'nosave force',
    };
    const config = load('');
    for (const [name, value] of Object.entries(odd)) expect(config.set([[name, value]])).toBeUndefined();
    for (const [name, { type, isImmutable, support }] of Object.entries(DIRECTIVES)) {
      if (isImmutable || support === 'refused' || name in odd) continue;
      const candidates = type.description.startsWith('yes or no')
        ? ['yes']
        : type.description.startsWith('integer')
          ? ['7', '7000']
          : [];
      const errors = candidates.map((value) => config.set([[name, value]]));
      if (candidates.length > 0) expect(errors).toContain(undefined);
    }
    expect(config.rewrite()).toBeUndefined();
    expect(new Config([join(folder, 'test.conf')]).get(['*'])).toEqual(config.get(['*']));
  });

  test('turns a line that it does not know into a comment', () => {
    const config = load('port 1\n');
    writeFileSync(join(folder, 'test.conf'), 'port 1\nfoo bar\nport "x\n');
    expect(config.rewrite()).toBeUndefined();
    expect(rewritten()).toBe(
      `port 1\n# ??? foo bar\n# ??? port "x\n# Generated by CONFIG REWRITE\ndir "${process.cwd()}"\n`,
    );
  });

  test('writes all directives if asked for', () => {
    const file = join(folder, 'test.conf');
    writeFileSync(file, 'port 7000\n');
    const config = new Config([file]);
    expect(config.rewrite(undefined, true)).toBeUndefined();
    const text = rewritten();
    expect(text).toMatch(/^port 7000$/m);
    expect(text).toMatch(/^timeout 0$/m);
    expect(text).toMatch(/^maxmemory-policy noeviction$/m);
    expect(() => new Config([file])).not.toThrow();
  });

  test('makes a file that is gone again', () => {
    const config = load('port 1\n');
    rmSync(join(folder, 'test.conf'));
    expect(config.rewrite()).toBeUndefined();
    expect(rewritten()).toBe(`# Generated by CONFIG REWRITE\nport 1\ndir "${process.cwd()}"\n`);
  });

  test('says why it cannot', () => {
    expect(new Config().rewrite()).toBe('ERR The server is running without a config file');
    const config = load('port 1\n');
    rmSync(folder, { recursive: true });
    expect(config.rewrite()).toBe('ERR Rewriting config file: No such file or directory');
  });
});

test('no name stands twice in the table', () => {
  const names = [
    ...Object.entries(DIRECTIVES).flatMap(([name, { aliases }]) => [name, ...aliases]),
    ...Object.keys(FILE_DIRECTIVES),
  ];
  expect(new Set(names).size).toBe(names.length);
});
