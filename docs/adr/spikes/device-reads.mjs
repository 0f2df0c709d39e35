// Usage: node docs/adr/spikes/device-reads.mjs: reads that miss the page cache.
import { execSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { open } from 'lmdb';
import { fresh, now, OPT, q } from './shared.mjs';

const dir = fresh('cold'),
  p = `${dir}/e.mdb`;
let db = open({ path: p, ...OPT });
const N = 60000;
const b = Buffer.allocUnsafeSlow(4 << 20);
randomFillSync(b);
for (let k = 1; k <= N; k++) {
  const o = (k * 16) % (b.length - 4072);
  db.put(k, b.subarray(o, o + 4072));
  if (k % 1024 === 0) await db.flushed;
}
await db.flushed;
await db.close();
const evict = () => execSync(`dd of=${p} oflag=nocache conv=notrunc,fdatasync count=0 2>&1`);
const rnd = () => 1 + Math.floor(Math.random() * N);
for (const mode of ['sync', 'prefetch1', 'prefetch16', 'prefetch64x4']) {
  evict();
  db = open({ path: p, ...OPT, readOnly: true });
  const lat = [];
  let t0 = now(),
    cnt = 0;
  if (mode === 'sync')
    for (let i = 0; i < 2000; i++) {
      const k = rnd();
      const t = now();
      db.getBinaryFast(k);
      lat.push(now() - t);
      cnt++;
    }
  else if (mode === 'prefetch1')
    for (let i = 0; i < 1000; i++) {
      const t = now();
      await new Promise((r) => db.prefetch([rnd()], r));
      lat.push(now() - t);
      cnt++;
    }
  else if (mode === 'prefetch16')
    for (let i = 0; i < 200; i++) {
      const t = now();
      await new Promise((r) => db.prefetch(Array.from({ length: 16 }, rnd), r));
      lat.push(now() - t);
      cnt += 16;
    }
  else
    for (let i = 0; i < 60; i++) {
      const t = now();
      await Promise.all(
        [1, 2, 3, 4].map(() => new Promise((r) => db.prefetch(Array.from({ length: 16 }, rnd), r))),
      );
      lat.push(now() - t);
      cnt += 64;
    }
  console.log(
    mode,
    'device reads: p50',
    q(lat, 0.5).toFixed(0),
    'p99',
    q(lat, 0.99).toFixed(0),
    'max',
    Math.max(...lat).toFixed(0),
    'us; per key',
    ((now() - t0) / cnt).toFixed(0),
  );
  await db.close();
}
process.exit(0);
