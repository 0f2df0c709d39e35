import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { limitMemory } from './memory-group.ts';

it('a process is held to a limit, or it is said why that can’t be', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const { pid = 0 } = child;
  try {
    const group = limitMemory(pid, 300 * 2 ** 20);
    if (typeof group === 'string') {
      expect(group).toMatch(/memory controller/);
      return;
    }
    const folder = `/sys/fs/cgroup/memory/thermocline-bench-${pid}`;
    expect(readFileSync(`${folder}/cgroup.procs`, 'utf8')).toBe(`${pid}\n`);
    expect(readFileSync(`${folder}/memory.limit_in_bytes`, 'utf8')).toBe(`${300 * 2 ** 20}\n`);
    expect(group.cachedBytes()).toBeGreaterThanOrEqual(0);
    child.stdin.end();
    await once(child, 'close');
    group.remove();
    expect(existsSync(folder)).toBe(false);
  } finally {
    child.kill('SIGKILL');
  }
});
