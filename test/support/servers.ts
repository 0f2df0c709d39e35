import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, onTestFinished, TestRunner } from 'vitest';

const MAIN = join(import.meta.dirname, '..', '..', 'dist', 'src', 'main.js');
const START_MS_MAX = 20_000;
const END_MS_MAX = 20_000;

/** A directive's value: several words for one that takes several. */
export type DirectiveValue = string | number | boolean | string[];

export interface ServerOptions {
  /** The server's `dir`, kept when it ends; without it a temporary one is made, and removed with the test. */
  readonly directory?: string;
  /** Text of a configuration file, loaded before the directives. */
  readonly configText?: string;
  /** More configuration, given on standard input. */
  readonly input?: string;
  readonly environment?: Record<string, string>;
  /** The limit on open files that the server starts with. */
  readonly openFilesMax?: number;
}

/** A server process on 127.0.0.1, which ends with the test, or with the file when it was started outside a test. */
export interface TestServer {
  /** 0 if the server does not listen on TCP. */
  readonly port: number;
  readonly directory: string;
  readonly process: ChildProcess;
  /** The exit status when the process has ended; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Asks the server to end (SIGTERM) and waits for it; throws if its status is not 0. */
  close(): Promise<void>;
  /** Ends the server with SIGKILL and waits for it. */
  kill(): Promise<void>;
  /** What the server has written to standard output and standard error. */
  log(): string;
  /** Waits until the log matches; throws with the log if the server ends before. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
}

/** What a process that ended by itself left. */
export interface Finished {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly output: string;
}

const cleanups = new Set<() => Promise<void> | void>();

/** Runs `cleanup` at the end of the running test, or outside one at the end of the file. */
export function atEnd(cleanup: () => Promise<void> | void): void {
  if (TestRunner.getCurrentTest() === undefined) cleanups.add(cleanup);
  else onTestFinished(cleanup);
}

afterAll(async () => {
  for (const cleanup of [...cleanups].reverse()) await cleanup();
  cleanups.clear();
});

/** A new directory that is removed at the end. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'thermocline-'));
  atEnd(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Waits until `check` answers true; for what has no event to wait for. Throws after `timeoutMs`. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 10_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function commandLine(directives: Record<string, DirectiveValue>): string[] {
  return Object.entries(directives).flatMap(([name, value]) => {
    const words = Array.isArray(value)
      ? value
      : [value === true ? 'yes' : value === false ? 'no' : `${value}`];
    return [`--${name}`, ...words];
  });
}

/** A process whose output is kept. */
class Program {
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  output = '';
  hasExited = false;
  readonly #listeners = new Set<() => void>();

  constructor(command: string, args: readonly string[], directory: string, environment = {}) {
    this.process = spawn(command, args, {
      cwd: directory,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    const kill = () => this.process.kill('SIGKILL');
    process.on('exit', kill);
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        this.output += chunk;
        for (const listener of this.#listeners) listener();
      });
    }
    this.exited = new Promise((resolve) => {
      this.process.on('error', (error) => {
        this.output += String(error);
      });
      this.process.on('close', (status) => {
        process.removeListener('exit', kill);
        this.hasExited = true;
        for (const listener of this.#listeners) listener();
        resolve(status);
      });
    });
  }

  logged(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(check);
        settle();
      };
      const give = (why: string) =>
        finish(() => reject(new Error(`${why} before ${pattern} was logged:\n${this.output}`)));
      const timer = setTimeout(() => give(`${START_MS_MAX} ms passed`), START_MS_MAX);
      const check = () => {
        const match = pattern.exec(this.output);
        if (match !== null) finish(() => resolve(match));
        else if (this.hasExited) give('The process ended');
      };
      this.#listeners.add(check);
      check();
    });
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.hasExited) this.process.kill(signal);
    const timer = setTimeout(() => {
      this.output += `\nThe test ended the process, which ${signal} had not within ${END_MS_MAX} ms\n`;
      this.process.kill('SIGKILL');
    }, END_MS_MAX);
    await this.exited;
    clearTimeout(timer);
  }
}

function testServer(program: Program, port: number, directory: string): TestServer {
  return {
    port,
    directory,
    process: program.process,
    exited: program.exited,
    close: async () => {
      await program.end('SIGTERM');
      const status = await program.exited;
      if (status !== 0) throw new Error(`The server ended with status ${status}:\n${program.output}`);
    },
    kill: () => program.end('SIGKILL'),
    log: () => program.output,
    logged: (pattern) => program.logged(pattern),
  };
}

/** The arguments of a server for tests: on a free port of 127.0.0.1 unless `directives` say otherwise. */
function serverArguments(
  directory: string,
  directives: Record<string, DirectiveValue>,
  { configText, input }: ServerOptions,
): string[] {
  const args = [MAIN];
  if (configText !== undefined) {
    const file = join(directory, 'thermocline.conf');
    writeFileSync(file, configText);
    args.push(file);
  }
  if (input !== undefined) args.push('-');
  return [...args, ...commandLine({ bind: '127.0.0.1', port: 0, dir: directory, ...directives })];
}

/** Starts a server of dist/ and waits until it accepts connections. */
export async function startThermocline(
  directives: Record<string, DirectiveValue> = {},
  options: ServerOptions = {},
): Promise<TestServer> {
  const directory = options.directory ?? temporaryDirectory();
  const args = serverArguments(directory, directives, options);
  // The shell puts the server in its own place, with the lowered limit.
  const limited = [
    '-c',
    'ulimit -n "$1"; shift; exec "$@"',
    'sh',
    `${options.openFilesMax}`,
    process.execPath,
  ];
  const program =
    options.openFilesMax === undefined
      ? new Program(process.execPath, args, directory, options.environment)
      : new Program('sh', [...limited, ...args], directory, options.environment);
  atEnd(() => program.end('SIGKILL'));
  program.process.stdin?.end(options.input);
  const { logfile } = directives;
  const log = () => {
    if (typeof logfile !== 'string') return program.output;
    const file = resolve(directory, logfile);
    return program.output + (existsSync(file) ? readFileSync(file, 'utf8') : '');
  };
  if (logfile === undefined) await program.logged(/Ready to accept connections/);
  else await eventually(() => log().includes('Ready to accept connections'), 'the server has started');
  const port = Number(/Listening on (?:[\d.]+|[\da-f:]*:):(\d+)/.exec(log())?.[1] ?? 0);
  return { ...testServer(program, port, directory), log };
}

/** Runs the server with just these arguments until it ends by itself, for starts that fail. */
export async function runThermocline(
  args: readonly string[],
  { input = '', directory = temporaryDirectory() } = {},
): Promise<Finished> {
  const program = new Program(process.execPath, [MAIN, ...args], directory);
  atEnd(() => program.end('SIGKILL'));
  program.process.stdin?.end(input);
  return { status: await program.exited, output: program.output };
}

/** Whether the machine has a redis-server to compare with (version 7.0.15 is what the texts were taken from). */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** Whether the machine has redis-cli and redis-benchmark. */
export const hasRedisTools =
  spawnSync('redis-cli', ['--version']).status === 0 &&
  spawnSync('redis-benchmark', ['--version']).status === 0;

/** Starts a redis-server without persistence; only where {@link hasRedis}. */
export async function startRedis(directives: Record<string, DirectiveValue> = {}): Promise<TestServer> {
  const directory = temporaryDirectory();
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const defaults = { bind: '127.0.0.1', port, dir: directory, save: '', 'enable-debug-command': true };
    const program = new Program('redis-server', commandLine({ ...defaults, ...directives }), directory);
    atEnd(() => program.end('SIGKILL'));
    try {
      await program.logged(/Ready to accept connections/);
      return testServer(program, port, directory);
    } catch (error) {
      // Another process may have taken the port meanwhile.
      if (attempt === 3) throw error;
    }
  }
}
