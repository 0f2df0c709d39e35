import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { connect, errorText, fields } from '../support/client.ts';
import {
  atEnd,
  eventually,
  freePort,
  runThermocline,
  startThermocline,
  temporaryDirectory,
} from '../support/servers.ts';

describe('the end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('by %s is orderly', async (signal) => {
    const port = await freePort();
    const server = await startThermocline({ port, pidfile: 'server.pid', unixsocket: 'server.sock' });
    const client = await connect(server.port);
    expect(await client.call('PING')).toBe('PONG');
    const files = ['server.pid', 'server.sock'].map((name) => join(server.directory, name));
    expect(files.map(existsSync)).toEqual([true, true]);
    server.process.kill(signal);
    expect(await server.exited).toBe(0);
    await client.untilClosed();
    expect(server.log()).toContain(`Received ${signal}`);
    expect(server.log()).toContain('ready to exit');
    expect(files.map(existsSync)).toEqual([false, false]);
  });

  test.each([['NOSAVE'], []])('by SHUTDOWN %s', async (...words) => {
    const server = await startThermocline();
    const client = await connect(server.port);
    client.send(`SET a 1\r\nSHUTDOWN ${words.join(' ')}\r\n`);
    expect(await client.reply()).toBe('OK');
    expect(await client.untilClosed()).toHaveLength(0);
    expect(await server.exited).toBe(0);
  });

  test('SHUTDOWN refuses what it cannot do', async () => {
    const server = await startThermocline();
    const client = await connect(server.port);
    for (const words of [['x'], ['SAVE', 'NOSAVE'], ['ABORT'], ['ABORT', 'NOW']]) {
      expect(errorText(await client.call('SHUTDOWN', ...words))).toMatch(/^ERR /);
    }
    expect(await client.call('PING')).toBe('PONG');
  });

  test('by a bug tells what was run, and is no success', async () => {
    const directory = temporaryDirectory();
    const rows = pathToFileURL(join(import.meta.dirname, '..', '..', 'dist', 'src', 'commands', 'all.js'));
    const preload = join(directory, 'bug.mjs');
    writeFileSync(
      preload,
      `import { COMMANDS } from '${rows}';
       COMMANDS.find((row) => row.name === 'echo').execute = () => { throw new Error('the bug'); };`,
    );
    const server = await startThermocline(
      {},
      { directory, environment: { NODE_OPTIONS: `--import ${preload}` } },
    );
    const client = await connect(server.port);
    await client.call('CLIENT', 'SETNAME', 'someone');
    client.send('ECHO "a secret value"\r\n');
    await client.untilClosed();
    expect(await server.exited).toBe(1);
    expect(server.log()).toMatch(/BUG REPORT START/);
    expect(server.log()).toMatch(/While running: echo \(14 bytes\) from 127\.0\.0\.1:\d+/);
    expect(server.log()).toMatch(/Error: the bug\\n +at .*bug\.mjs/);
    expect(server.log()).toMatch(/BUG REPORT END/);
    expect(server.log()).not.toContain('secret');
  });
});

describe('where it listens', () => {
  test('on a Unix socket with its permissions, and without TCP where the port is 0', async () => {
    const server = await startThermocline({ unixsocket: 'here.sock', unixsocketperm: '700' });
    const path = join(server.directory, 'here.sock');
    expect(server.port).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    const client = await connect(path);
    expect(await client.call('PING')).toBe('PONG');
    const info = fields(await client.call('CLIENT', 'INFO'));
    expect(info).toMatchObject({ addr: 'here.sock:0', laddr: 'here.sock:0', flags: 'U' });
    expect(server.log()).toContain('Listening on the Unix socket here.sock');
  });

  test('over a socket that a dead server left', async () => {
    const directory = temporaryDirectory();
    const first = await startThermocline({ unixsocket: 'here.sock' }, { directory });
    await first.kill();
    const second = await startThermocline({ unixsocket: 'here.sock' }, { directory });
    expect(await (await connect(join(directory, 'here.sock'))).call('PING')).toBe('PONG');
    await second.close();
  });

  test('on several addresses, on the same port', async () => {
    const port = await freePort();
    const hasV6 = Object.values(networkInterfaces()).some((list) =>
      list?.some(({ address }) => address === '::1'),
    );
    const server = await startThermocline({
      port,
      bind: ['127.0.0.1', hasV6 ? '::1' : '-::1', '-192.0.2.77'],
    });
    expect(await (await connect(port)).call('PING')).toBe('PONG');
    if (hasV6) {
      const client = await connect({ host: '::1', port });
      expect(fields(await client.call('CLIENT', 'INFO')).laddr).toBe(`[::1]:${port}`);
    }
    const info = fields(await (await connect(port)).call('INFO', 'server'));
    expect(info).toMatchObject({ tcp_port: `${port}`, process_id: `${server.process.pid}` });
  });

  test('not where another listens, which is an error', async () => {
    const other = await startThermocline();
    const { status, output } = await runThermocline(['--bind', '127.0.0.1', '--port', `${other.port}`]);
    expect(status).toBe(1);
    expect(output).toContain(`Failed listening on port ${other.port}, aborting: 127.0.0.1:${other.port}`);
    expect(output).toContain('EADDRINUSE');
  });

  test('on no address, and on one again', async () => {
    const unixsocket = join(temporaryDirectory(), 'socket');
    const port = await freePort();
    await startThermocline({ port, unixsocket });
    const client = await connect({ path: unixsocket });
    expect(await client.call('CONFIG', 'SET', 'bind', '')).toBe('OK');
    await expect(connect(port)).rejects.toThrow('ECONNREFUSED');
    expect(await client.call('CONFIG', 'SET', 'bind', '127.0.0.1')).toBe('OK');
    expect(await (await connect(port)).call('PING')).toBe('PONG');
  });

  test('on a port that CONFIG SET changes, or goes back', async () => {
    const server = await startThermocline();
    const client = await connect(server.port);
    const port = await freePort();
    expect(await client.call('CONFIG', 'SET', 'port', port)).toBe('OK');
    expect(await (await connect(port)).call('PING')).toBe('PONG');
    expect(server.log()).toContain(`Listening on 127.0.0.1:${port}`);
    await expect(connect(server.port)).rejects.toThrow('ECONNREFUSED');
    const other = await startThermocline();
    expect(errorText(await client.call('CONFIG', 'SET', 'timeout', 7, 'port', other.port))).toBe(
      "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.",
    );
    expect(server.log()).toMatch(/Failed listening on port .* EADDRINUSE.*; going back to port/);
    expect(await client.call('CONFIG', 'GET', 'port')).toEqual(['port', `${port}`]);
    expect(await client.call('CONFIG', 'GET', 'timeout')).toEqual(['timeout', '0']);
    expect(await (await connect(port)).call('PING')).toBe('PONG');
  });

  test('on addresses that CONFIG SET changes, or goes back', async () => {
    const server = await startThermocline();
    const client = await connect(server.port);
    expect(await client.call('CONFIG', 'SET', 'bind', '0.0.0.0')).toBe('OK');
    expect(await (await connect({ host: '127.0.0.2', port: server.port })).call('PING')).toBe('PONG');
    for (const address of ['127.0.0.1 192.0.2.77', 'nosuch.invalid']) {
      expect(errorText(await client.call('CONFIG', 'SET', 'bind', address))).toBe(
        "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.",
      );
      expect(await (await connect({ host: '127.0.0.2', port: server.port })).call('PING')).toBe('PONG');
    }
    expect(await client.call('CONFIG', 'SET', 'bind', 'localhost')).toBe('OK');
    expect(await (await connect(server.port)).call('PING')).toBe('PONG');
    await expect(connect({ host: '127.0.0.2', port: server.port })).rejects.toThrow('ECONNREFUSED');
    expect(await client.call('CONFIG', 'GET', 'bind', 'port')).toEqual(['bind', 'localhost', 'port', '0']);
  });

  test('on no port after CONFIG SET port 0, within a transaction too', async () => {
    const server = await startThermocline();
    const client = await connect(server.port);
    await client.call('MULTI');
    await client.call('CONFIG', 'SET', 'port', await freePort());
    await client.call('CONFIG', 'SET', 'port', 0);
    expect(await client.call('EXEC')).toEqual(['OK', 'OK']);
    await expect(connect(server.port)).rejects.toThrow('ECONNREFUSED');
    expect(fields(await client.call('INFO', 'server')).tcp_port).toBe('0');
  });

  test('for no more clients than open files allow', async () => {
    const limited = await startThermocline({}, { openFilesMax: 300 });
    expect(limited.log()).toMatch(/allows \d+ clients; maxclients is lowered from 10000/);
    const client = await connect(limited.port);
    expect(await client.call('CONFIG', 'GET', 'maxclients')).toEqual(['maxclients', '268']);
  });
});

describe('as a daemon', () => {
  test('in the background, with a pid file and a log file', async () => {
    const directory = temporaryDirectory();
    const port = await freePort();
    const args = ['--daemonize', 'yes', '--pidfile', 'it.pid', '--logfile', 'it.log', '--dir', directory];
    const { status } = await runThermocline([...args, '--port', `${port}`, '--bind', '127.0.0.1'], {
      directory,
    });
    expect(status).toBe(0);
    const pidfile = join(directory, 'it.pid');
    await eventually(() => existsSync(pidfile), 'the pid file is there');
    const pid = Number(readFileSync(pidfile, 'utf8'));
    atEnd(() => {
      if (existsSync(pidfile)) process.kill(pid, 'SIGKILL');
    });
    await eventually(
      () => readFileSync(join(directory, 'it.log'), 'utf8').includes('Ready to accept connections'),
      'it is ready',
    );
    const client = await connect(port);
    expect(fields(await client.call('INFO', 'server')).process_id).toBe(`${pid}`);
    client.send('SHUTDOWN NOSAVE\r\n');
    await client.untilClosed();
    await eventually(() => !existsSync(pidfile), 'the pid file is gone');
  });

  test('that systemd supervises tells it what it does', async () => {
    const directory = temporaryDirectory();
    const told = join(directory, 'told');
    const programs = join(directory, 'bin');
    mkdirSync(programs);
    writeFileSync(join(programs, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${told}\n`);
    chmodSync(join(programs, 'systemd-notify'), 0o755);
    const environment = { PATH: `${programs}${delimiter}${process.env.PATH}`, NOTIFY_SOCKET: '/nowhere' };
    const server = await startThermocline({ supervised: 'systemd' }, { directory, environment });
    const { pid } = server.process;
    await eventually(
      () => existsSync(told) && readFileSync(told, 'utf8').endsWith('\n'),
      'it is told of the start',
    );
    expect(readFileSync(told, 'utf8')).toBe(`--pid=${pid} --ready --status=Ready to accept connections\n`);
    await server.close();
    await eventually(() => readFileSync(told, 'utf8').split('\n').length > 2, 'it is told of the end');
    expect(readFileSync(told, 'utf8')).toMatch(new RegExp(`\\n--pid=${pid} --stopping\\n$`));
  });

  test('logs as much as loglevel says, changed at run time', async () => {
    const server = await startThermocline({ logfile: 'logs/server.log', loglevel: 'verbose' });
    const file = join(server.directory, 'logs', 'server.log');
    const client = await connect(server.port);
    const complain = async () => {
      const other = await connect(server.port);
      other.send('*x\r\n');
      await other.untilClosed();
    };
    const complaints = () => readFileSync(file, 'utf8').match(/Closing client/g)?.length ?? 0;
    await complain();
    expect(complaints()).toBe(1);
    await client.call('CONFIG', 'SET', 'loglevel', 'notice');
    await complain();
    expect(complaints()).toBe(1);
    await client.call('CONFIG', 'SET', 'loglevel', 'debug');
    await complain();
    expect(complaints()).toBe(2);
    for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ pid: server.process.pid, msg: expect.any(String) });
    }
  });
});

describe('a start that fails', () => {
  test.each<[string, string, RegExp]>([
    ['a bad value', 'port 1\nmaxmemory lots\n', /at line 2\n>>> 'maxmemory lots'\n/],
    ['a bad choice', '# comment\n\nmaxmemory-policy never\n', /at line 3\n>>> 'maxmemory-policy never'\n/],
    ['an unknown word', 'port 1\nnosuch 1\n', /at line 2\n>>> 'nosuch 1'\nBad directive/],
    ['too many words', 'port 1 2\n', /at line 1\n>>> 'port 1 2'\n/],
    ['unbalanced quotes', 'requirepass "x\n', /at line 1\n>>> 'requirepass "x'\nUnbalanced quotes/],
  ])('for %s names the line', async (_, text, pattern) => {
    const directory = temporaryDirectory();
    const file = join(directory, 'bad.conf');
    writeFileSync(file, text);
    const { status, output } = await runThermocline([file], { directory });
    expect(status).toBe(1);
    expect(output).toContain(file);
    expect(output).toMatch(pattern);
  });

  test.each<[string, string[], RegExp]>([
    [
      'a missing file',
      ['/nowhere/at/all.conf'],
      /can't open config file '\/nowhere\/at\/all.conf': No such file/,
    ],
    ['a bad option', ['--maxclients', 'x'], /maxclients "x"/],
    ['an unknown option', ['--nosuch', 'x'], /nosuch/],
    ['a missing directory', ['--port', '0', '--dir', '/nowhere/at/all'], /No such file or directory|ENOENT/],
    ['a log file that cannot be', ['--port', '0', '--logfile', '/dev/null/x.log'], /\/dev\/null/],
    ['an address that cannot be', ['--port', '0', '--bind', '192.0.2.200'], /192\.0\.2\.200/],
  ])('for %s', async (_, args, pattern) => {
    const { status, output } = await runThermocline(args);
    expect(output).toMatch(pattern);
    expect(output).not.toMatch(/^ +at /m);
    expect(status).toBe(1);
  });

  test('--version and --help end with success', async () => {
    const version = await runThermocline(['--version']);
    expect(version).toMatchObject({ status: 0, output: expect.stringMatching(/Thermocline server v=\d/) });
    const help = await runThermocline(['--help']);
    expect(help).toMatchObject({ status: 0, output: expect.stringContaining('flex-storage-path') });
  });
});
