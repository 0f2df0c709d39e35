// Usage: node docs/adr/spikes/open-close.mjs: stalls of creating, sealing, closing and unlinking an environment.
import fs from 'node:fs';
import { allDbs, open } from 'lmdb';
import { BASE, fresh, now, OPT, q } from './shared.mjs';

const a = [],
  b = [],
  c = [],
  _cl = [];
const V = 4072;
const buf = Buffer.alloc(V, 7);
const t0 = fresh('tpl');
const tp = open({ path: `${t0}/e.mdb`, ...OPT, mapSize: 128 << 20 });
await tp.close();
console.log('template size', fs.statSync(`${t0}/e.mdb`).size);
fresh('cr');
for (let i = 0; i < 200; i++) {
  const p = `${BASE}/cr/${i}.mdb`;
  let t = now();
  const db = open({ path: p, ...OPT, mapSize: 128 << 20 });
  a.push(now() - t);
  await db.close();
  allDbs.delete(`${i}`);
  fs.unlinkSync(p);
  fs.unlinkSync(`${p}-lock`);
  await fs.promises.copyFile(`${t0}/e.mdb`, p);
  t = now();
  const d2 = open({ path: p, ...OPT, mapSize: 128 << 20 });
  b.push(now() - t);
  d2.put(1, buf);
  await d2.flushed;
  await d2.close();
  t = now();
  const d3 = open({ path: p, ...OPT, mapSize: 128 << 20, readOnly: true });
  c.push(now() - t);
  await d3.close();
  fs.unlinkSync(p);
  fs.unlinkSync(`${p}-lock`);
  allDbs.delete(`${i}`);
}
for (const [k, v] of Object.entries({ create: a, fromTemplate: b, reopenRO: c }))
  console.log(k, 'p50', q(v, 0.5).toFixed(0), 'p99', q(v, 0.99).toFixed(0), 'max', Math.max(...v).toFixed(0));
// close + unlink of a fully touched 64 MiB env, and atomic close/reopen
const p = `${BASE}/cr/big.mdb`;
const times = { close: [], unlink: [], swap: [] };
for (let r = 0; r < 6; r++) {
  let db = open({ path: p, ...OPT, mapSize: 128 << 20 });
  for (let k = 1; k <= 16000; k++) {
    db.put(k, buf, { append: true });
    if (k % 256 === 0) await db.flushed;
  }
  await db.flushed;
  const order = [];
  await new Promise((res) => {
    setImmediate(async () => {
      const t = now();
      await db.close();
      db = open({ path: p, ...OPT, mapSize: 128 << 20, readOnly: true });
      times.swap.push(now() - t);
      order.push('swap');
    });
    setImmediate(() => order.push('other'));
    setTimeout(() => order.push('timer'), 0);
    setTimeout(res, 20);
  });
  if (r === 0) console.log('order', order.join());
  for (let k = 1; k <= 16000; k++) db.getBinaryFast(k);
  let t = now();
  await db.close();
  times.close.push(now() - t);
  t = now();
  fs.unlinkSync(p);
  times.unlink.push(now() - t);
  fs.unlinkSync(`${p}-lock`);
  allDbs.delete('big');
}
console.log(
  Object.entries(times)
    .map(([k, v]) => `${k} ${v.map((x) => x.toFixed(0)).join('/')}`)
    .join(' | '),
);
// two opens of the same path
const d1 = open({ path: p, ...OPT });
const d2 = open({ path: p, ...OPT });
console.log('same process, same path twice: shared', d1.env !== d2.env);
d1.put(1, buf);
await d1.flushed;
console.log('seen by 2nd', d2.getBinaryFast(1)?.length);
await d1.close();
console.log('2nd lives', d2.getBinaryFast(1)?.length);
await d2.close();
try {
  d1.getBinaryFast(1);
} catch (e) {
  console.log('get after close:', e.message);
}
try {
  await d1.put(1, buf);
} catch (e) {
  console.log('put after close:', e.message);
}
// sizes of returned buffer
const d = open({ path: p, ...OPT });
for (const s of [0, 1, 4072, 16384, 65536, 1 << 20, 16 << 20, (16 << 20) + 1]) {
  const v = Buffer.alloc(s, s & 255 || 1);
  await d.put(50, v);
  const x = d.getBinaryFast(50);
  console.log(
    'value',
    s,
    '->',
    x === undefined
      ? undefined
      : [
          x.constructor.name,
          x.length,
          'isGlobal',
          x.isGlobal,
          'maxLength',
          x.maxLength,
          'abLen',
          x.buffer.byteLength,
          'off',
          x.byteOffset,
        ].join(' '),
  );
}
await d.close();
process.exit(0);
