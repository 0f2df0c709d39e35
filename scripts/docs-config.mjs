// Writes docs/config.md from the table of directives; run by `npm run docs` after a build.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configPage } from '../dist/src/config/describe.js';

const docs = join(import.meta.dirname, '..', 'docs');
mkdirSync(docs, { recursive: true });
writeFileSync(join(docs, 'config.md'), configPage());
