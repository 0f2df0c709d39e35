// Redis's own test suite against this server: node test/redis-suite/run.mjs SOURCE [--flex] [UNIT...]
// SOURCE is an unpacked source of Redis 7.0 or later, of which only tests/ is used: a copy of it is run, with this build in the
// place of redis-server. What is left out, and why, is in skipped.txt. The last line is "N passed, N failed, N left out".
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const UNITS = `
  unit/type/string unit/type/incr unit/type/list unit/type/list-2 unit/type/list-3 unit/type/set unit/type/zset unit/type/hash
  unit/type/stream unit/type/stream-cgroups unit/keyspace unit/expire unit/scan unit/protocol unit/querybuf unit/other unit/multi
  unit/info unit/info-command unit/introspection unit/introspection-2 unit/limits unit/quit unit/auth unit/acl unit/acl-v2
  unit/dump unit/sort unit/bitops unit/bitfield unit/geo unit/hyperloglog unit/scripting unit/functions unit/pubsub
  unit/pubsubshard unit/tracking unit/slowlog unit/latency-monitor unit/maxmemory unit/lazyfree unit/memefficiency
  unit/obuf-limits unit/client-eviction unit/pause unit/shutdown unit/violations unit/aofrw unit/networking unit/replybufsize
  integration/aof integration/aof-multi-part integration/rdb integration/corrupt-dump integration/corrupt-dump-fuzzer
  integration/convert-zipmap-hash-on-load integration/convert-ziplist-hash-on-load integration/convert-ziplist-zset-on-load
  integration/logging integration/redis-cli integration/redis-benchmark`
  .trim()
  .split(/\s+/);
/** What does not exist here; tests with these tags are not run. */
const DENIED_TAGS = '-repl -needs:repl -cluster -modules';
/** Lists and small sets are listpacks since Redis 7.2, which the tests of 7.0 do not expect. */
const ARGUMENTS = [
  '--clients',
  '1',
  '--durable',
  '--ignore-encoding',
  '--config',
  'set-max-listpack-entries',
  '0',
];
const FLEX = ['enable-flex', 'yes', 'maxmemory', '32mb'];
/** Talks to the debugger of Lua outside of any test, which would end the unit. */
const DEBUGGER_BLOCK =
  /^start_server \{tags \{"scripting external:skip"\}\} \{\n {4}r script debug sync\n[^}]*\}[^}]*\}[^}]*\}/m;
/** A unit that makes no progress for so many seconds is given up. */
const PATIENCE_SECONDS = 600;
const AT_ONCE = 2;
const PORTS_PER_UNIT = 200;
const FIRST_PORT = 21111;

const words = process.argv.slice(2);
const isFlex = words.includes('--flex');
const [source, ...chosen] = words.filter((word) => word !== '--flex');
if (source === undefined || !existsSync(join(source, 'tests', 'test_helper.tcl'))) {
  console.error('usage: npm run redis-suite -- /path/to/redis-source [--flex] [unit/type/string ...]');
  process.exit(2);
}

const here = import.meta.dirname;
const { skippedUnits, skippedTests, knownFailures } = readSkipped(join(here, 'skipped.txt'));
const folder = mkdtempSync(join(tmpdir(), 'redis-suite-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
writeFileSync(join(folder, 'skipped'), skippedTests.join('\n'));

const units = (chosen.length > 0 ? chosen : UNITS).filter((unit) => !skippedUnits.has(unit));
const total = { passed: 0, failed: 0, skipped: chosen.length > 0 ? 0 : skippedUnits.size };
let next = 0;
await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => work(worker)));
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} left out`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** Lines of `unit | test | reason`: a test `*` leaves the whole unit out, one behind `!` is run and may fail. */
function readSkipped(path) {
  const lines = readFileSync(path, 'utf8').split('\n');
  const rows = lines
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.split(' | '));
  const tests = rows.filter(([, test]) => test !== '*');
  return {
    skippedUnits: new Set(rows.filter(([, test]) => test === '*').map(([unit]) => unit)),
    skippedTests: tests.filter(([, test]) => !test.startsWith('!')).map(([, test]) => test),
    knownFailures: tests
      .filter(([, test]) => test.startsWith('!'))
      .map(([unit, test]) => ({ unit, pattern: new RegExp(test.slice(2)) })),
  };
}

/** Runs one unit after another in a copy of the suite of its own. */
async function work(worker) {
  const suite = join(folder, `${worker}`);
  cpSync(join(source, 'tests'), join(suite, 'tests'), { recursive: true });
  const scripting = join(suite, 'tests', 'unit', 'scripting.tcl');
  writeFileSync(scripting, readFileSync(scripting, 'latin1').replace(DEBUGGER_BLOCK, ''), 'latin1');
  mkdirSync(join(suite, 'tests', 'tmp'), { recursive: true });
  mkdirSync(join(suite, 'src'));
  const server = resolve(here, '..', '..', 'dist', 'src', 'main.js');
  const script = `#!/bin/sh\nexec '${process.execPath}' '${server}' "$@"\n`;
  writeFileSync(join(suite, 'src', 'redis-server'), script, { mode: 0o755 });
  for (const name of ['redis-cli', 'redis-benchmark', 'redis-check-aof', 'redis-check-rdb']) {
    const built = resolve(source, 'src', name);
    const path = existsSync(built) ? built : spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim();
    if (path !== '') symlinkSync(path, join(suite, 'src', name));
  }
  while (next < units.length) {
    const number = next++;
    report(units[number], await run(suite, units[number], FIRST_PORT + number * PORTS_PER_UNIT));
  }
}

function run(suite, unit, port) {
  const settings = isFlex ? FLEX : [];
  const configuration = [];
  for (let at = 0; at < settings.length; at += 2)
    configuration.push('--config', settings[at], settings[at + 1]);
  const args = [
    'tests/test_helper.tcl',
    '--single',
    unit,
    ...ARGUMENTS,
    ...configuration,
    '--tags',
    DENIED_TAGS,
  ];
  args.push('--skipfile', join(folder, 'skipped'), '--timeout', `${PATIENCE_SECONDS}`);
  args.push('--baseport', `${port}`, '--portcount', `${PORTS_PER_UNIT}`);
  const child = spawn('tclsh', args, { cwd: suite, env: { ...process.env, TERM: 'dumb' } });
  let output = '';
  child.stdout.on('data', (bytes) => {
    output += bytes.toString('latin1');
  });
  child.on('error', (error) => {
    output += `[exception]: ${error.message}\n`;
  });
  return new Promise((done) => child.on('close', () => done(output)));
}

function report(unit, output) {
  const [told] = output.split('The following tests failed');
  const count = (pattern) => told.match(pattern)?.length ?? 0;
  const passed = count(/^\[ok\]/gm);
  // A unit that says nothing has failed too.
  const isFinished = told.includes('done]');
  const all = told.match(/^\[(?:err|exception|TIMEOUT)\].*(?:\n(?!\[).*)?/gm) ?? [];
  const isKnown = (failure) => {
    const test = failure.split('\n')[0].replace(/^\[\w+\]: | in tests\/\S+$/g, '');
    return knownFailures.some((known) => known.unit === unit && known.pattern.test(test));
  };
  const failures = all.filter((failure) => !isKnown(failure));
  const failed = Math.max(failures.length, isFinished ? 0 : 1);
  const skipped = count(/^\[(?:skip|ignore)\]/gm) + all.length - failures.length;
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  console.log(`${unit}: ${passed} passed, ${failed} failed, ${skipped} left out`);
  for (const failure of failures) console.log(failure.replace(/^/gm, '    '));
}
