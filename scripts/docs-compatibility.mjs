// Writes docs/compatibility.md from the tables of commands and directives; run by `npm run docs` after a build.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compatibilityPage } from '../dist/src/commands/compatibility.js';

const docs = join(import.meta.dirname, '..', 'docs');
mkdirSync(docs, { recursive: true });
writeFileSync(join(docs, 'compatibility.md'), compatibilityPage());
