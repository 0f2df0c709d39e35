// What strings of a mebibyte cost, by process CPU: node docs/adr/spikes/chunks.mjs [folder of a build]. Change CHUNK_BYTES
// between builds to compare sizes.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const build = resolve(process.argv[2] ?? 'dist');
const load = (name) => import(pathToFileURL(join(build, 'src', name)).href);
const { Engine } = await load('server/engine.js');
const { Config } = await load('config/config.js');
const { Client } = await load('command-table/client.js');
const { Arguments } = await load('resp/arguments.js');

const KEYS = 100;
const MEBIBYTE = 1 << 20;
const folder = mkdtempSync(join(tmpdir(), 'chunks-'));
const quiet = { debug() {}, verbose() {}, notice() {}, warning: console.error, setLevel() {}, flush() {} };
const transport = { address: 'spike:0', localAddress: 'spike:0', descriptor: -1, push() {}, close() {} };
const clients = new Map();
const host = { clients, log: quiet, waitingClientCount: 0, port: 0 };
for (const name of ['resumeWaiting', 'blocked', 'unblocked', 'shutdown']) host[name] = () => {};
host.clientBytes = () => 0;
host.crashed = (error) => {
  throw error;
};
const words = ['--save', '', '--dir', folder, '--enable-flex', 'yes', '--maxmemory', '1gb'];
const engine = new Engine(new Config([...words, '--flex-storage-path', join(folder, 'tier')]), host);
const client = new Client(1, transport, Date.now(), true);
clients.set(1, client);

function run(...parts) {
  engine.beginBatch();
  const buffers = parts.map((part) => (part instanceof Uint8Array ? part : Buffer.from(String(part))));
  const { reply } = engine;
  const start = reply.length;
  engine.pipeline.execute(client, Arguments.of(buffers), false);
  reply.length = start;
}

const figures = {};

/** Microseconds of CPU for each call of `command`, which is told its number. */
function measure(name, count, command) {
  const before = process.cpuUsage();
  for (let at = 0; at < count; at++) run(...command(at));
  const { user, system } = process.cpuUsage(before);
  figures[name] = ((user + system) / count).toFixed(1);
}

const value = randomBytes(MEBIBYTE);
const key = () => `key:${Math.floor(Math.random() * KEYS)}`;
const place = () => Math.floor(Math.random() * (MEBIBYTE - 100));
const range = () => {
  const at = place();
  return ['GETRANGE', key(), at, at + 99];
};
async function demote() {
  for (let at = 0; at < KEYS; at++) {
    run('FLEX', 'DEMOTE', `key:${at}`);
    if (at % 4 === 3) await new Promise((done) => setTimeout(done, 30));
  }
}

const empty = engine.keyspace.usedBytes;
for (let at = 0; at < KEYS; at++) run('SET', `key:${at}`, value);
figures['bytes per byte'] = ((engine.keyspace.usedBytes - empty) / KEYS / MEBIBYTE).toFixed(3);
measure('SET', 400, () => ['SET', key(), value]);
measure('GET', 1000, () => ['GET', key()]);
measure('GETRANGE', 100_000, range);
measure('SETBIT', 100_000, () => ['SETBIT', key(), place() * 8, 1]);
await demote();
measure('GETRANGE cold', 10_000, range);
await demote();
measure('GET cold', KEYS, (at) => ['GET', `key:${at}`]);
await demote();
measure('SETBIT cold', 4000, () => ['SETBIT', key(), place() * 8, 1]);
console.log(build, figures);
await engine.close();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
