import { execFile, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { atEnd, type TestServer, temporaryDirectory } from '../../support/servers.ts';
import { expectTierUsed, MODES, startMode } from '../modes.ts';

const run = promisify(execFile);

/** Debian's own Python, for which its packages are. */
const PYTHON = '/usr/bin/python3';

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args).status === 0;
}

const hasPythonRedis = succeeds(PYTHON, ['-c', 'import redis']);
const hasCelery = succeeds(PYTHON, ['-c', 'import celery, redis']);
const hasRubyRedis = succeeds('ruby', ['-e', "require 'redis'"]);
const hasPhpRedis = succeeds('php', ['-r', 'exit(extension_loaded("redis") ? 0 : 1);']);
const hasHiredis = succeeds('sh', ['-c', 'echo "#include <hiredis/hiredis.h>" | gcc -E - >/dev/null']);

const file = (name: string) => join(import.meta.dirname, name);

describe.each(MODES)('clients in other languages of a server $title', (mode) => {
  let server: TestServer;

  beforeEach(async () => {
    server = await startMode(mode);
  });

  afterEach(() => expectTierUsed(mode, server));

  /** Runs a program that prints OK when all it has tried was as it should be. */
  async function expectOk(command: string, args: readonly string[], environment = {}): Promise<void> {
    const options = { env: { ...process.env, ...environment }, timeout: 90_000 };
    const { stdout } = await run(command, args, options).catch(
      (error: { stdout: string; stderr: string }) => {
        throw new Error(error.stdout + error.stderr);
      },
    );
    expect(stdout).toBe('OK\n');
  }

  test.skipIf(!hasPythonRedis)('Python, redis-py', async () => {
    await expectOk(PYTHON, [file('smoke.py'), `${server.port}`]);
  });

  test.skipIf(!hasRubyRedis)('Ruby, redis-rb', async () => {
    await expectOk('ruby', ['-W0', file('smoke.rb'), `${server.port}`]);
  });

  test.skipIf(!hasPhpRedis)('PHP, phpredis', async () => {
    await expectOk('php', [file('smoke.php'), `${server.port}`]);
  });

  test.skipIf(!hasHiredis)('C, hiredis', async () => {
    const program = join(temporaryDirectory(), 'smoke');
    await run('gcc', ['-O1', '-Wall', '-o', program, file('smoke.c'), '-lhiredis']);
    await expectOk(program, [`${server.port}`]);
  });

  test.skipIf(!hasCelery)('Celery runs tasks, groups, chords and retries', async () => {
    const environment = { SERVER_PORT: `${server.port}`, PYTHONDONTWRITEBYTECODE: '1' };
    const worker = spawn(
      PYTHON,
      [
        '-m',
        'celery',
        '-A',
        'tasks',
        'worker',
        '--pool',
        'threads',
        '--concurrency',
        '4',
        '--loglevel',
        'WARNING',
      ],
      { cwd: import.meta.dirname, env: { ...process.env, ...environment }, stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => worker.on('close', resolve));
    atEnd(async () => {
      worker.kill('SIGKILL');
      await ended;
    });
    await expectOk(PYTHON, [file('tasks.py')], environment);
  });
});
