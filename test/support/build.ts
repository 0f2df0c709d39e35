import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
/** tsc writes all files of a build, so any of them tells when it was. */
const built = join(root, 'dist', 'src', 'main.js');

/** Builds dist/ for the tests that run the server, where a source is newer than it. Vitest calls it once for a run. */
export default function build(): void {
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.endsWith('.test.ts'),
  );
  const newest = Math.max(...sources.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
  if (existsSync(built) && statSync(built).mtimeMs > newest) return;
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  spawnSync(process.execPath, [compiler, '-p', 'tsconfig.json'], { cwd: root, stdio: 'inherit' });
  cpSync(join(root, 'src', 'dashboard'), join(root, 'dist', 'src', 'dashboard'), { recursive: true });
}
