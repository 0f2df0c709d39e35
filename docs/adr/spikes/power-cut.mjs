// Power-cut model: SIGKILL a writer, then destroy every page written by a transaction newer than the flushed one, keep both newest metas, reopen with safeRestore.
import { spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import fs from 'node:fs';
import { open } from 'lmdb';
import { fresh, OPT } from './shared.mjs';

const V = 4072;
if (process.argv[2] === 'writer') {
  const noSync = process.argv[4] === 'nosync';
  const del = process.argv[4] === 'del';
  const db = open({ path: process.argv[3], ...OPT, ...(noSync ? { noSync: true } : {}) });
  let k = 1;
  const b = Buffer.allocUnsafeSlow(V * 64).fill(0);
  for (;;) {
    let p;
    const from = k;
    for (let i = 0; i < 64; i++) {
      const v = b.subarray(i * V, (i + 1) * V);
      v.writeUInt32LE(k, 0);
      v.writeUInt32LE(k, V - 4);
      p = db.put(k++, v);
    }
    if (del && from > 2000) for (let i = 0; i < 40; i++) db.remove(from - 2000 + i);
    await p;
    if (noSync && k % 1024 === 1) await new Promise((r, j) => db.sync((e) => (e ? j(e) : r())));
    if (!noSync) await db.flushed;
    if (!noSync || k % 1024 === 1) fs.writeSync(1, `${k - 1}\n`);
  }
} else if (process.argv[2] === 'check') {
  const db = open({ path: process.argv[3], ...OPT, safeRestore: true });
  const flushed = Number(process.argv[4]);
  const lo = process.argv[5] === 'del' ? Math.max(1, flushed - 1900) : 1;
  let ok = 0,
    last = 0;
  for (let k = lo; k <= flushed + 5000; k++) {
    const x = db.getBinaryFast(k);
    if (x) {
      last = k;
      if (x.readUInt32LE(0) === k && x.readUInt32LE(V - 4) === k) {
        if (k <= flushed) ok++;
      } else if (k <= flushed) console.log('BAD', k);
    }
  }
  console.log(
    'reported flushed',
    flushed,
    'whole',
    ok,
    'of',
    flushed - lo + 1,
    'last key',
    last,
    'last txn',
    db.getStats().lastTxnId,
  );
  let p;
  for (let i = 0; i < 500; i++) p = db.put(1000000 + i, Buffer.alloc(V, 1));
  await p;
  await db.flushed;
  console.log('writes go on');
  await db.close();
  process.exit(0);
} else
  for (const mode of ['overlapping', 'del', 'nosync'])
    for (let round = 0; round < 4; round++) {
      const dir = fresh('pw');
      const file = `${dir}/e.mdb`;
      const c = spawn(process.execPath, [import.meta.filename, 'writer', file, mode], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let out = '';
      c.stdout.on('data', (d) => (out += d));
      await new Promise((r) => setTimeout(r, 500 + Math.random() * 700));
      c.kill('SIGKILL');
      await new Promise((r) => c.on('close', r));
      const flushed = Number(out.trim().split('\n').at(-1));
      const f = fs.readFileSync(file);
      const meta = (o) => ({
        txn: Number(f.readBigUInt64LE(o + 152)),
        last: Number(f.readBigUInt64LE(o + 144)),
      });
      const m = [meta(0), meta(2048), meta(4096)];
      const S = mode === 'nosync' ? null : m[1].txn;
      let lost = 0;
      if (S !== null) {
        for (let p = 2; p < f.length / 4096; p++) {
          const t = Number(f.readBigUInt64LE(p * 4096 + 8) & 0xffffffffffffn);
          if (t > S) {
            randomFillSync(f, p * 4096, 4096);
            lost++;
          }
        }
      } else {
        const lastSynced = flushed; // a page never synced: those holding keys above the last sync, and tree pages of newer txns
        const base = Math.floor(lastSynced / 64) + 1;
        for (let p = 2; p < f.length / 4096; p++) {
          const t = Number(f.readBigUInt64LE(p * 4096 + 8) & 0xffffffffffffn);
          if (t > base + 1) {
            randomFillSync(f, p * 4096, 4096);
            lost++;
          }
        }
      }
      fs.writeFileSync(file, f);
      fs.rmSync(`${file}-lock`);
      console.log(mode, 'metas', JSON.stringify(m), 'pages destroyed', lost);
      const k = spawn(process.execPath, [import.meta.filename, 'check', file, String(flushed), mode], {
        stdio: 'inherit',
      });
      const rc = await new Promise((r) => k.on('close', (a, b) => r(a ?? b)));
      if (rc) console.log('  check exited', rc);
    }
