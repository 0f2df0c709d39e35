// Usage: node docs/adr/spikes/put.mjs [case,…]: cost of commits by value size, batch and mode.
import { randomFillSync } from 'node:crypto';
import fs from 'node:fs';
import { open } from 'lmdb';
import { fresh, io, mainCpu, now, OPT, procCpu, q, status } from './shared.mjs';

const TOTAL = Number(process.env.MB ?? 128) * 1048576;
async function run(label, valueSize, batchBytes, mode, opts = {}) {
  const dir = fresh('put');
  const db = open({ path: dir, ...OPT, ...opts });
  const n = Math.floor(batchBytes / valueSize);
  const src = Buffer.allocUnsafeSlow(n * valueSize);
  randomFillSync(src);
  const two = [src, Buffer.from(src)].map((b) =>
    Array.from({ length: n }, (_, i) => b.subarray(i * valueSize, (i + 1) * valueSize)),
  );
  const a = undefined;
  let key = 1;
  const batches = Math.floor(TOTAL / (n * valueSize));
  const commit = [],
    flush = [],
    stall = [];
  await new Promise((r) => setTimeout(r, 50));
  const m0 = mainCpu(),
    p0 = procCpu(),
    t0 = now(),
    w0 = io();
  let prevFlush = null;
  for (let b = 0; b < batches; b++) {
    const vals = two[b & 1];
    const s = now();
    if (mode === 'async') {
      let pr;
      for (let i = 0; i < n; i++) pr = db.put(key++, vals[i], a);
      stall.push(now() - s);
      await pr;
      commit.push(now() - s);
      await db.flushed;
      flush.push(now() - s);
    } else if (mode === 'asyncPipe') {
      // next batch written as soon as the previous one is visible
      let pr;
      for (let i = 0; i < n; i++) pr = db.put(key++, vals[i], a);
      stall.push(now() - s);
      const f = db.flushed.then(() => flush.push(now() - s));
      await pr;
      commit.push(now() - s);
      prevFlush = f;
    } else if (mode === 'batch') {
      const pr = db.batch(() => {
        for (let i = 0; i < n; i++) db.put(key++, vals[i], a);
      });
      stall.push(now() - s);
      await pr;
      commit.push(now() - s);
      await db.flushed;
      flush.push(now() - s);
    } else if (mode === 'txnSync') {
      db.transactionSync(
        () => {
          for (let i = 0; i < n; i++) db.put(key++, vals[i], a);
        },
        opts.noSync ? 2 : 0x10002,
      );
      stall.push(now() - s);
      commit.push(now() - s);
      await new Promise((r) => setImmediate(r));
    }
  }
  if (prevFlush) await prevFlush;
  await db.flushed;
  const mb = (batches * n * valueSize) / 1048576;
  const m1 = mainCpu(),
    p1 = procCpu(),
    t1 = now(),
    w1 = io();
  const _st = db.getStats();
  const size = fs.statSync(`${dir}/data.mdb`).size;
  console.log(
    `${label.padEnd(34)} v=${valueSize} batch=${batchBytes >> 10}K | main ${((m1 - m0) / mb).toFixed(0)} us/MiB, process ${((p1 - p0) / mb).toFixed(0)} us/MiB, wall ${((t1 - t0) / mb).toFixed(0)} us/MiB | per put main ${((m1 - m0) / (batches * n)).toFixed(2)} us | commit p50 ${q(commit, 0.5).toFixed(0)} p99 ${q(commit, 0.99).toFixed(0)} max ${Math.max(...commit).toFixed(0)} us | flush p50 ${flush.length ? q(flush, 0.5).toFixed(0) : '-'} max ${flush.length ? Math.max(...flush).toFixed(0) : '-'} | stall p50 ${q(stall, 0.5).toFixed(0)} max ${Math.max(...stall).toFixed(0)} us | io ${((w1 - w0) / 1048576 / mb).toFixed(2)} file ${(size / 1048576 / mb).toFixed(3)} anon ${status('RssAnon')}kB`,
  );
  await db.close();
}
const K = 1024;
const which = process.argv[2] ?? 'all';
const cases = {
  b1: () => run('block async overlapping', 4072, 256 * K, 'async'),
  b2: () => run('block async overlapping', 4072, 1024 * K, 'async'),
  b3: () => run('block asyncPipe overlapping', 4072, 256 * K, 'asyncPipe'),
  b4: () => run('block asyncPipe overlapping', 4072, 1024 * K, 'asyncPipe'),
  b15: () => run('block batch() eTB=false', 4072, 1024 * K, 'batch', { eventTurnBatching: false }),
  b16: () => run('block batch() eTB=false', 4072, 2048 * K, 'batch', { eventTurnBatching: false }),
  b17: () => run('block batch() eTB=false', 4072, 4096 * K, 'batch', { eventTurnBatching: false }),
  b18: () => run('block batch() eTB=false', 4072, 256 * K, 'batch', { eventTurnBatching: false }),
  b5: () => run('block batch() overlapping', 4072, 1024 * K, 'batch'),
  b6: () => run('block async eventTurnBatching=false', 4072, 1024 * K, 'async', { eventTurnBatching: false }),
  b7: () => run('block txnSync overlapping', 4072, 256 * K, 'txnSync'),
  b8: () => run('block txnSync overlapping', 4072, 1024 * K, 'txnSync'),
  b9: () => run('block txnSync noSync', 4072, 256 * K, 'txnSync', { noSync: true }),
  b10: () => run('block txnSync noSync', 4072, 1024 * K, 'txnSync', { noSync: true }),
  b11: () => run('block async noSync', 4072, 1024 * K, 'async', { noSync: true }),
  b12: () => run('block16K async overlapping', 16384 - 24, 1024 * K, 'async'),
  b13: () => run('block64K async overlapping', 65536 - 24, 1024 * K, 'async'),
  b14: () => run('block async noMemInit', 4072, 1024 * K, 'async', { noMemInit: true }),
  c1: () => run('record async overlapping', 100, 1024 * K, 'async'),
  c2: () => run('record async overlapping', 1000, 1024 * K, 'async'),
  c3: () => run('record async overlapping', 4000, 1024 * K, 'async'),
  c4: () => run('record batch() overlapping', 100, 1024 * K, 'batch'),
  c5: () => run('record txnSync noSync', 100, 1024 * K, 'txnSync', { noSync: true }),
  c6: () => run('record txnSync noSync', 1000, 1024 * K, 'txnSync', { noSync: true }),
  c7: () => run('record txnSync noSync', 4000, 1024 * K, 'txnSync', { noSync: true }),
  c8: () => run('record txnSync overlapping', 100, 1024 * K, 'txnSync'),
};
for (const k of which === 'all' ? Object.keys(cases) : which.split(',')) await cases[k]();
