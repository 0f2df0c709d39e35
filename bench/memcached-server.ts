import { spawn, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Address } from './client.ts';
import type { MeasuredServer } from './measurement.ts';
import { MEMCACHED } from './memcached-protocol.ts';
import { freePort, splitWords, temporaryFolder } from './server-process.ts';

const START_MS_MAX = 10_000;
const POLL_MS = 20;
/** Pages of its file on SSD, which has whole ones. */
const PAGE_BYTES = 64 * 2 ** 20;

/** A memcached of this machine whose values go to a file on SSD when memory is full (extstore). */
export interface MemcachedServer extends MeasuredServer {
  readonly name: string;
  readonly pid: number;
  readonly folder: string;
  /** Keys that it has kept. */
  countKeys(): Promise<number>;
  stop(): Promise<void>;
}

/** The version of the memcached that a command line starts, or undefined if there is none. */
export function memcachedVersion(commandLine: string): string | undefined {
  const [program, ...words] = splitWords(commandLine);
  const { status, stdout } = spawnSync(program, [...words, '-V'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** The words that start it with so much RAM for items and such a file; the latter is made of whole pages. */
export function memcachedWords(
  commandLine: string,
  {
    port,
    folder,
    ramBytes,
    fileBytes,
  }: { port: number; folder: string; ramBytes: number; fileBytes: number },
): string[] {
  const pages = Math.max(4, Math.ceil(fileBytes / PAGE_BYTES));
  return [
    ...splitWords(commandLine),
    ...['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-c', '2048'],
    ...['-m', String(Math.round(ramBytes / 2 ** 20))],
    // It does not run as root unless it is told to.
    ...(process.getuid?.() === 0 ? ['-u', 'root'] : []),
    ...['-o', `ext_path=${join(folder, 'values')}:${pages * 64}m`],
  ];
}

/** Starts memcached in a temporary folder and waits until it takes connections. Rejects with its output if it ends before. */
export async function startMemcached(
  commandLine: string,
  name: string,
  ramBytes: number,
  fileBytes: number,
): Promise<MemcachedServer> {
  const folder = temporaryFolder();
  const port = await freePort();
  const words = memcachedWords(commandLine, { port, folder, ramBytes, fileBytes });
  const child = spawn(words[0], words.slice(1), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-2000);
  });
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      hasEnded = true;
      resolve();
    };
    child.once('close', end);
    child.once('error', (error) => {
      output += error.message;
      end();
    });
  });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    process.off('exit', killAtExit);
    rmSync(folder, { recursive: true, force: true });
  };
  const address = { host: '127.0.0.1', port };
  const deadline = performance.now() + START_MS_MAX;
  while (!hasEnded && performance.now() < deadline) {
    if (child.pid !== undefined && (await answers(address)))
      return {
        name,
        address,
        folder,
        pid: child.pid,
        protocol: MEMCACHED,
        control: { info: async () => new Map() },
        countKeys: async () => Number(/STAT curr_items (\d+)/.exec(await statistics(address))?.[1]),
        stop,
      };
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  await stop();
  throw new Error(`memcached did not start\n${words.join(' ')}\n${output}`);
}

/** What it tells of itself. */
function statistics({ host, port }: Address): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port });
    socket.once('error', reject);
    socket.once('close', () => resolve(text));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.end('stats\r\nquit\r\n');
  });
}

function answers({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
