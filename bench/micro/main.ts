// Benches of the internals on tinybench, run with `node dist/bench/micro/main.js`. A bench that belongs to a file of
// src/ is added here when the file is.
import { Bench } from 'tinybench';
import { compareBytes, copyBytes, equalBytes } from '../../src/base/bytes.ts';
import { KeyHash } from '../../src/base/hash.ts';
import { KEY_BYTES, writeKey } from '../keys.ts';
import { formatNumber, terminalTable } from '../table.ts';
