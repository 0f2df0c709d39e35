import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configPage } from './describe.ts';
import { DIRECTIVES } from './directives.ts';

test('docs/config.md is up to date; `npm run docs` makes it', () => {
  const path = join(import.meta.dirname, '..', '..', 'docs', 'config.md');
  expect(readFileSync(path, 'utf8') === configPage()).toBe(true);
});

test('every directive has its row', () => {
  const page = configPage();
  for (const name of Object.keys(DIRECTIVES)) expect(page).toContain(`\n| \`${name}\` | `);
});
