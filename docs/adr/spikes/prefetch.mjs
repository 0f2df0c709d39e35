// Usage: node docs/adr/spikes/prefetch.mjs: cost of prefetch by number of keys.
import { randomFillSync } from 'node:crypto';
import { open } from 'lmdb';
import { fresh, mainCpu, now, OPT, procCpu, q } from './shared.mjs';

const V = 4072,
  n = 60000;
const dir = fresh('pf');
let db = open({ path: dir, ...OPT });
const src = Buffer.allocUnsafeSlow(4 << 20);
randomFillSync(src);
for (let k = 1; k <= n; k++) {
  const off = (k * 8) % (src.length - V);
  db.put(k, src.subarray(off, off + V), { append: true });
  if (k % 256 === 0) await db.flushed;
}
await db.close();
db = open({ path: dir, ...OPT, readOnly: true });
const rnd = () => 1 + Math.floor(Math.random() * n);
for (const c of [1, 16, 256, 1, 16, 256]) {
  const rounds = c === 256 ? 500 : 4000;
  const lat = [];
  const ks = Array.from({ length: rounds }, () => Array.from({ length: c }, rnd));
  const m0 = mainCpu(),
    p0 = procCpu(),
    _t0 = now();
  let sync = 0;
  for (let r = 0; r < rounds; r++) {
    const s = now();
    await new Promise((res) => {
      db.prefetch(ks[r], res);
      sync += now() - s;
    });
    lat.push(now() - s);
  }
  const m1 = mainCpu(),
    p1 = procCpu();
  console.log(
    `prefetch ${c} keys: main ${((m1 - m0) / rounds).toFixed(1)} us/call (${((m1 - m0) / rounds / c).toFixed(2)}/key), process ${((p1 - p0) / rounds).toFixed(1)} us/call, sync part ${(sync / rounds).toFixed(1)}, latency p50 ${q(lat, 0.5).toFixed(0)} p99 ${q(lat, 0.99).toFixed(0)} us`,
  );
}
// concurrent calls: 8 in flight
const rounds = 4000;
const m0 = mainCpu(),
  p0 = procCpu();
await new Promise((done) => {
  let s = 0,
    f = 0;
  const go = () => {
    if (s < rounds) {
      s++;
      db.prefetch([rnd()], () => {
        f++;
        if (f === rounds) done();
        else go();
      });
    }
  };
  for (let i = 0; i < 8; i++) go();
});
console.log(
  `prefetch 1 key, 8 in flight: main ${((mainCpu() - m0) / rounds).toFixed(1)} process ${((procCpu() - p0) / rounds).toFixed(1)} us/call`,
);
process.exit(0);
