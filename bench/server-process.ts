import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Address } from './client.ts';
import { ControlClient } from './control-client.ts';

/** A server to start: a name for the report and a command line with `{port}` and, if wanted, `{folder}`. */
export interface ServerCommand {
  readonly name: string;
  readonly words: readonly string[];
}

/** How long a server may take to answer PING: a large data set may have to be loaded first. */
const START_MS_MAX = 120_000;
/** How long a server may take to end after SIGTERM. */
const STOP_MS_MAX = 60_000;
const POLL_MS = 20;
/** Characters of a server's output that are kept for an error message. */
const OUTPUT_TAIL = 4000;

/**
 * Parses `name=command line`. Words are divided at spaces and may be quoted with '…' or "…". Throws an Error without
 * a name or without `{port}`.
 */
export function parseServerCommand(text: string): ServerCommand {
  const equals = text.indexOf('=');
  const words = splitWords(text.slice(equals + 1));
  if (equals < 1 || !words.some((word) => word.includes('{port}'))) {
    throw new Error(`bad server '${text}': use 'name=command line with {port}'`);
  }
  return { name: text.slice(0, equals), words };
}

/** Divides a command line at spaces outside '…' and "…". Throws an Error for a quote that does not close. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (const character of text) {
    if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= '';
    } else if (character === ' ') {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== '') throw new Error(`a quote does not close in '${text}'`);
  if (word !== null) words.push(word);
  return words;
}

/** A server under measurement: one that was started here, or one that was running. */
export interface Server {
  readonly name: string;
  readonly address: Address;
  readonly control: ControlClient;
  /** The process to measure; null for a server on another machine. */
  readonly pid: number | null;
  stop(): Promise<void>;
}

/** A server of this machine: its process can be measured. */
export interface LocalServer extends Server {
  readonly pid: number;
  /** The temporary folder it runs in; {@link Server.stop} removes it. */
  readonly folder: string;
}

/**
 * Starts a server on a free port in a temporary folder (under TMPDIR, so that the device can be chosen) and waits
 * until it answers PING. Rejects with the end of its output if it ends before. With `keptFolder` it runs there, and what it
 * leaves stays.
 */
export async function startServer(command: ServerCommand, keptFolder?: string): Promise<LocalServer> {
  const port = await freePort();
  const folder = keptFolder ?? temporaryFolder();
  const words = command.words.map((word) =>
    absolutePath(word).replaceAll('{port}', String(port)).replaceAll('{folder}', folder),
  );
  const child = spawn(words[0], words.slice(1), { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolveExit) => {
    child.once('close', () => resolveExit());
    child.once('error', () => resolveExit());
  });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let output = '';
  const keepOutput = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-OUTPUT_TAIL);
  };
  child.stdout.on('data', keepOutput);
  child.stderr.on('data', keepOutput);
  child.on('error', (error) => {
    output += error.message;
  });

  let isStopping = false;
  const stop = async (): Promise<void> => {
    isStopping = true;
    child.kill('SIGTERM');
    const killTimer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await exited;
    clearTimeout(killTimer);
    process.off('exit', killAtExit);
    if (keptFolder === undefined) rmSync(folder, { recursive: true, force: true });
  };

  const address = { host: '127.0.0.1', port };
  const deadline = performance.now() + START_MS_MAX;
  while (child.pid !== undefined && isRunning(child) && performance.now() < deadline) {
    const control = await answeringControl(address);
    if (control !== null) {
      const pid = await processIdOf(control, child.pid);
      void exited.then(() => {
        if (child.exitCode === 0 || (isStopping && child.signalCode !== null)) return;
        console.error(
          `server '${command.name}' ended, ${child.signalCode ?? `exit code ${child.exitCode}`}:\n${output}`,
        );
      });
      const stopAll = () => {
        control.close();
        return stop();
      };
      return { name: command.name, address, control, pid, folder, stop: stopAll };
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  await stop();
  throw new Error(`server '${command.name}' did not start\n${words.join(' ')}\n${output}`);
}

/** A new folder for a server, under TMPDIR, so that the device can be chosen. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'thermocline-bench-'));
}

/** Connects to a running server; its process is measured if it is on this machine. */
export async function attachServer(name: string, address: Address): Promise<Server> {
  const control = await ControlClient.connect(address);
  const isLocal = address.host === 'localhost' || address.host === '::1' || address.host.startsWith('127.');
  return {
    name,
    address,
    control,
    pid: isLocal ? await processIdOf(control, null) : null,
    async stop() {
      control.close();
    },
  };
}

/** A TCP port of the loopback interface that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolvePort(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}

/** The server runs in a folder of its own, so a path of the caller's folder is made absolute. */
function absolutePath(word: string): string {
  return word.includes('/') && existsSync(word) ? resolve(word) : word;
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** A connection that answers PING, or null while the server is not listening yet or still loading. */
async function answeringControl(address: Address): Promise<ControlClient | null> {
  let control: ControlClient | null = null;
  try {
    control = await ControlClient.connect(address);
    await control.command('PING');
    return control;
  } catch {
    control?.close();
    return null;
  }
}

/** The process that serves, which INFO names: the process started may be a launcher. Falls back to `otherwise`. */
async function processIdOf<Otherwise extends number | null>(
  control: ControlClient,
  otherwise: Otherwise,
): Promise<number | Otherwise> {
  const processId = Number((await control.info('server')).get('process_id'));
  return processId > 0 && existsSync(`/proc/${processId}`) ? processId : otherwise;
}
