// Micro-benchmarks of the internals on tinybench: `node dist/bench/micro/main.js [part of a name]`. Each file of
// benches stands for a folder of src/ and grows with it.
import { Bench } from 'tinybench';
import { formatNumber, terminalTable } from '../table.ts';
import { addBaseBenches, OPERATIONS } from './base.ts';
import { addKeyspaceBenches } from './keyspace.ts';
import { addRespBenches } from './resp.ts';
import { addTieringBenches } from './tiering.ts';

const bench = new Bench({ time: 500, warmupTime: 200 });
addBaseBenches(bench);
addRespBenches(bench);
addKeyspaceBenches(bench);
addTieringBenches(bench);
const wanted = process.argv[2] ?? '';
for (const { name } of bench.tasks) if (!name.includes(wanted)) bench.remove(name);
await bench.run();

const rows = bench.tasks.map(({ name, result }) => {
  if (!('latency' in result))
    throw new Error(`${name}: ${'error' in result ? result.error.message : result.state}`);
  return [name, formatNumber((result.latency.p50 * 1e6) / OPERATIONS), formatNumber(result.latency.rme)];
});
console.log(terminalTable(['bench', 'ns/operation', '± %'], rows));
