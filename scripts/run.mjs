// Runs the package's scripts so that they work on a fresh clone: npm runs a script without installing,
// so each task here first installs (`npm ci`) and builds what is missing. Node's built-in modules only.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const installStamp = join(root, 'node_modules', '.thermocline-lock');
const buildStamp = join(root, 'dist', '.build-stamp');

/** Runs a command in the package's folder and says whether it succeeded. */
function run(label, command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (result.status === 0) return true;
  console.error(`thermocline: ${label} failed${result.error ? `: ${result.error.message}` : ''}`);
  return false;
}

/** Runs the JavaScript file behind a package's command with this same Node. */
function runTool(label, packageName, args) {
  const directory = join(root, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return run(label, process.execPath, [join(directory, typeof bin === 'string' ? bin : bin[label]), ...args]);
}

function need(succeeded) {
  if (!succeeded) process.exit(1);
}

/** Installs when node_modules is missing or package-lock.json has changed since this launcher installed. */
function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(installStamp) && readFileSync(installStamp, 'utf8') === lock) return;
  const current = join(root, 'node_modules', '.package-lock.json');
  const upToDate =
    !existsSync(installStamp) &&
    existsSync(current) &&
    statSync(current).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
  if (!upToDate) {
    console.error('thermocline: installing dependencies (npm ci)');
    // npm names its own script when it runs one; outside npm, its command is on the PATH.
    const npmScript = process.env.npm_execpath;
    const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
    if (npmScript?.endsWith('.js')) need(run('npm ci', process.execPath, [npmScript, ...args]));
    else need(run('npm ci', 'npm', args));
  }
  writeFileSync(installStamp, lock);
}

/** The newest modification time, in ms, of the files that the build reads. */
function newestSource() {
  let newest = 0;
  const visit = (path) => {
    const info = statSync(path);
    // A directory's own time counts too: it changes when a file in it is removed or renamed.
    newest = Math.max(newest, info.mtimeMs);
    if (info.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name));
  };
  for (const name of ['src', 'bench', 'tsconfig.json', 'package-lock.json']) visit(join(root, name));
  return newest;
}

function build({ onlyIfStale = false } = {}) {
  install();
  const newest = newestSource();
  if (onlyIfStale && existsSync(buildStamp) && Number(readFileSync(buildStamp, 'utf8')) === newest) return;
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  need(runTool('tsc', 'typescript', ['-p', 'tsconfig.json']));
  cpSync(join(root, 'src', 'dashboard'), join(root, 'dist', 'src', 'dashboard'), { recursive: true });
  writeFileSync(buildStamp, String(newest));
}

/** The variables of conf/environment, under those that are set already. */
function environment() {
  const text = readFileSync(join(root, 'conf', 'environment'), 'utf8');
  const variables = text.split('\n').filter((line) => /^\w+=/.test(line));
  const ours = Object.fromEntries(variables.map((line) => line.split(/=(.*)/s, 2)));
  return { ...ours, ...process.env };
}

/** Hands the terminal and its signals to a built program and ends with its exit code. */
function serve(file, args) {
  const child = spawn(process.execPath, [join(root, 'dist', file), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: environment(),
  });
  // The child gets a terminal's Ctrl-C itself; this process only waits for it. What is sent to this
  // process alone is passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** Lints, checks the format and type-checks everything, the tests too. */
function check() {
  const colors = process.stdout.isTTY ? [] : ['--colors=off'];
  const linted = runTool('biome', '@biomejs/biome', ['ci', ...colors, '.']);
  return runTool('tsc', 'typescript', ['-p', 'tsconfig.check.json']) && linted;
}

const [task, ...args] = process.argv.slice(2);
switch (task) {
  case 'build':
    build();
    break;
  case 'start': {
    build({ onlyIfStale: true });
    const ownConfig = args.length > 0 && !args[0].startsWith('--');
    serve('src/main.js', ownConfig ? args : ['conf/thermocline.conf', ...args]);
    break;
  }
  case 'bench':
    build({ onlyIfStale: true });
    serve('bench/main.js', args);
    break;
  case 'check':
    install();
    need(check());
    break;
  case 'test': {
    build({ onlyIfStale: true });
    const checked = check();
    need(runTool('vitest', 'vitest', ['run', '--project', 'unit', ...args]) && checked);
    break;
  }
  case 'docs':
    build({ onlyIfStale: true });
    for (const name of readdirSync(join(root, 'scripts'))) {
      if (name.startsWith('docs-')) need(run(name, process.execPath, [join(root, 'scripts', name)]));
    }
    break;
  case 'redis-suite':
    build({ onlyIfStale: true });
    need(run(task, process.execPath, [join(root, 'test', 'redis-suite', 'run.mjs'), ...args]));
    break;
  default:
    console.error('usage: node scripts/run.mjs build|start|bench|check|test|docs|redis-suite [arguments]');
    process.exit(2);
}
