// Usage: node docs/adr/spikes/damaged-files.mjs make|open|fill|map DIRECTORY: what LMDB does with files cut short, full disks and small maps.
// usage: node fault.mjs CASE DIR
import fs from 'node:fs';
import { open } from 'lmdb';
import { OPT } from './shared.mjs';

const [, , c, dir] = process.argv;
const V = 4072,
  buf = Buffer.alloc(V, 7);
const log = (...a) => console.log(' ', ...a);
process.on('uncaughtException', (e) => log('UNCAUGHT', e.message));
process.on('unhandledRejection', (e) => log('UNHANDLED', e?.message, 'code', e?.code));
const tryOpen = (p, o = {}) => {
  try {
    const db = open({ path: p, ...OPT, ...o });
    log('opened');
    return db;
  } catch (e) {
    log('open threw', e.constructor.name, JSON.stringify(e.message), 'code', e.code);
  }
};
async function fill(db, max, batch = 64) {
  let k = 1;
  for (;;) {
    if (k > max) return k - 1;
    let p;
    for (let i = 0; i < batch; i++) p = db.put(k++, buf, { append: true });
    try {
      await p;
    } catch (e) {
      let ce;
      try {
        ce = await Promise.race([
          e.commitError?.catch?.((x) => x),
          new Promise((r) => setTimeout(() => r('commitError never settles'), 300)),
        ]);
      } catch (x) {
        ce = x;
      }
      log(
        'put rejected at block',
        k - 1,
        ':',
        JSON.stringify(e.message),
        '| commitError:',
        ce?.message ?? ce,
        'code',
        ce?.code,
      );
      return k - 1 - batch;
    }
  }
}
const check = (db, label, last) => {
  let ok = 0;
  for (let k = 1; k <= last; k++) {
    const b = db.getBinaryFast(k);
    if (b && b[0] === 7 && b[V - 1] === 7) ok++;
  }
  log(label, 'readable', ok, 'of', last);
};
if (c === 'fill') {
  const db = tryOpen(`${dir}/e.mdb`);
  const last = await fill(db, 100000);
  check(db, 'after failure:', last);
  let r = await Promise.race([
    fill(db, 1, 1).then((x) => `retry returned ${x}`),
    new Promise((r) => setTimeout(() => r('retry hung 2s'), 2000)),
  ]).catch((e) => e.message);
  log(r);
  if (process.env.FREE) {
    fs.unlinkSync(process.env.FREE);
    log('space freed');
    r = await Promise.race([
      (async () => {
        let p;
        for (let i = 0; i < 10; i++) p = db.put(last + 1 + i, buf, { append: true });
        try {
          await p;
          await db.flushed;
          return 'put after space returned ok';
        } catch (e) {
          return `put after space returned: ${e.message}`;
        }
      })(),
      new Promise((r) => setTimeout(() => r('hung 2s'), 2000)),
    ]);
    log(r);
    check(db, 'then:', last + 10);
  }
  const cl = await Promise.race([
    db.close().then(() => 'closed'),
    new Promise((r) => setTimeout(() => r('close hung 2s'), 2000)),
  ]);
  log(cl);
  const d2 = tryOpen(`${dir}/e.mdb`, { readOnly: true });
  if (d2) {
    check(d2, 'reopened:', last);
    await d2.close();
  }
}
if (c === 'sync') {
  const db = tryOpen(`${dir}/e.mdb`);
  let k = 1;
  try {
    for (;;)
      db.transactionSync(() => {
        for (let i = 0; i < 64; i++) db.put(k++, buf, { append: true });
      }, 0x10002);
  } catch (e) {
    log('transactionSync threw at', k, e.message, e.code);
  }
  check(db, 'after', k - 65);
  try {
    db.putSync(k, buf);
    log('putSync ok');
  } catch (e) {
    log('putSync again:', e.message);
  }
}
if (c === 'map') {
  const db = tryOpen(`${dir}/e.mdb`, { mapSize: 4 << 20 });
  const last = await fill(db, 4000);
  log('wrote', last, 'mapSize now', db.getStats().mapSize, 'file', fs.statSync(`${dir}/e.mdb`).size);
  check(db, 'map', last);
  await db.close();
}
if (c === 'open') {
  const db = tryOpen(`${dir}/e.mdb`, process.env.RO ? { readOnly: true } : {});
  if (db) {
    try {
      const b = db.getBinaryFast(1);
      log('get(1)', b?.length);
      let n = 0;
      for (let i = 1; i <= 2000; i++) if (db.getBinaryFast(i)) n++;
      log('readable', n);
    } catch (e) {
      log('get threw', e.message, e.code);
    }
    if (!process.env.RO) {
      try {
        await Promise.race([
          db.put(5000, buf),
          new Promise((_, j) => setTimeout(() => j(new Error('hung')), 1500)),
        ]);
        log('put ok');
      } catch (e) {
        log('put:', e.message);
      }
    }
    await db.close();
  }
  const again = tryOpen(`${dir}/other.mdb`);
  if (again) {
    await again.put(1, buf);
    log('other env in same process works');
    await again.close();
  }
}
if (c === 'make') {
  const db = open({ path: `${dir}/e.mdb`, ...OPT });
  for (let i = 1; i <= 1000; i++) db.put(i, buf, { append: true });
  await db.flushed;
  await db.close();
}
process.exit(0);
