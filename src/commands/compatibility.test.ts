import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compatibilityPage, redisCommands, rowsByName } from './compatibility.ts';

test('docs/compatibility.md is up to date; `npm run docs` makes it', () => {
  const path = join(import.meta.dirname, '..', '..', 'docs', 'compatibility.md');
  expect(readFileSync(path, 'utf8') === compatibilityPage()).toBe(true);
});

test('a command has one group and the version that its row has', () => {
  const rows = rowsByName();
  const listed = redisCommands().flatMap(([, commands]) => commands);
  expect(new Set(listed.map(([name]) => name)).size).toBe(listed.length);
  for (const [name, since] of listed) {
    expect(since, name).toMatch(/^\d+\.\d+\.\d+$/);
    expect(rows.get(name)?.since ?? since, name).toBe(since);
  }
});

test('what Redis does not have is Thermocline’s tier', () => {
  const listed = new Set(redisCommands().flatMap(([, commands]) => commands.map(([name]) => name)));
  const own = [...rowsByName().keys()].filter((name) => !listed.has(name));
  expect(own.filter((name) => !/^flex(\||$)/.test(name))).toEqual([]);
});

test('the page tells what is there, and what differs', () => {
  const page = compatibilityPage();
  expect(page).toContain('\n| `GET` | 1.0.0 | yes |  |\n');
  expect(page).toContain(
    '\n| `CLUSTER INFO` | 3.0.0 | yes | As in Redis without cluster mode: an error. |\n',
  );
  expect(page).toContain('\n| `FLEX TIER` | 0.1.0 | ');
});
