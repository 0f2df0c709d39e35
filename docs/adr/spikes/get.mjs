// Usage: node docs/adr/spikes/get.mjs ENVIRONMENTS 0 VALUE_BYTES [ro]: random reads from the page cache.
import { randomFillSync } from 'node:crypto';
import { open } from 'lmdb';
import { fresh, mainCpu, OPT, status } from './shared.mjs';

const ENVS = Number(process.argv[2] ?? 1),
  PER = Number(process.argv[3] ?? 0),
  V = Number(process.argv[4] ?? 4072),
  RO = process.argv[5] === 'ro';
const TOTAL = 512 * 1048576;
const n = Math.floor(TOTAL / V / ENVS);
const envs = [];
const src = Buffer.allocUnsafeSlow(4 << 20);
randomFillSync(src);
for (let e = 0; e < ENVS; e++) {
  const dir = fresh(`get${e}`);
  let db = open({ path: dir, ...OPT });
  for (let k = 1; k <= n; k++) {
    const off = (k * 8) % (src.length - V);
    db.put(k, src.subarray(off, off + V), { append: true });
    if (k % 2000 === 0) await db.flushed;
  }
  await db.flushed;
  if (RO) {
    await db.close();
    db = open({ path: dir, ...OPT, readOnly: true });
  }
  envs.push(db);
}
let x = 12345;
const rnd = (m) => {
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return (x >>> 0) % m;
};
const _dst = Buffer.allocUnsafeSlow(V);
let sink = 0;
function batch(count) {
  for (let i = 0; i < count; i++) {
    const db = envs[rnd(ENVS)];
    const b = db.getBinaryFast(1 + rnd(n));
    sink += b[0];
  }
}
const N = 400000;
// warm
for (let i = 0; i < 30; i++) {
  batch(5000);
  await new Promise((r) => setImmediate(r));
}
for (const per of PER ? [PER] : [1, 16, 256, 4000]) {
  const NN = per === 1 ? 60000 : N;
  const m0 = mainCpu();
  const rounds = Math.floor(NN / per);
  for (let i = 0; i < rounds; i++) {
    batch(per);
    await new Promise((r) => setImmediate(r));
  }
  const m1 = mainCpu();
  for (let i = 0; i < rounds; i++) {
    await new Promise((r) => setImmediate(r));
  }
  const m2 = mainCpu();
  console.log(
    `envs=${ENVS} v=${V} ${RO ? 'ro' : ''} gets/tick=${per}: ${((m1 - m0 - (m2 - m1)) / (rounds * per)).toFixed(2)} us/get (loop itself ${((m2 - m1) / rounds).toFixed(2)} us/tick)`,
  );
}
console.log('anon', status('RssAnon'), 'file', status('RssFile'), sink);
process.exit(0);
