import { allDbs, open } from 'lmdb';
import { fresh, OPT, status } from './shared.mjs';

const N = 300;
const root = fresh('rot');
const b = Buffer.alloc(4072, 1);
for (let i = 0; i < N; i++) {
  const db = open({ path: `${root}/${i}.mdb`, ...OPT, mapSize: 40 << 20 });
  for (let k = 1; k <= 512; k++) {
    db.put(k, b);
    if (k % 257 === 0) await db.flushed;
  }
  await db.flushed;
  await db.close();
  allDbs.delete(String(i));
}
const settle = async () => {
  for (let i = 0; i < 3; i++) {
    global.gc();
    await new Promise((r) => setTimeout(r, 30));
  }
  return status('RssAnon');
};
const base = await settle();
const dbs = [];
for (let i = 0; i < N; i++) {
  const d = open({ path: `${root}/${i}.mdb`, ...OPT, mapSize: 40 << 20, readOnly: true });
  d.getBinaryFast(3);
  dbs.push(d);
  allDbs.delete(String(i));
}
const ro = await settle();
console.log(
  'RO anon per env kB',
  ((ro - base) / N).toFixed(1),
  'base',
  base,
  'heap',
  (process.memoryUsage().heapUsed / 1e6).toFixed(1),
);
for (const d of dbs) await d.close();
dbs.length = 0;
console.log('after close', await settle());
const base2 = status('RssAnon');
for (let i = 0; i < N; i++) {
  const d = open({ path: `${root}/${i}.mdb`, ...OPT, mapSize: 40 << 20 });
  d.getBinaryFast(3);
  dbs.push(d);
  allDbs.delete(String(i));
}
const rw = await settle();
console.log('RW anon per env kB', ((rw - base2) / N).toFixed(1));
for (const d of dbs) {
  for (let k = 1000; k < 1257; k++) d.put(k, b);
  await d.flushed;
}
console.log('RW after one 1 MiB commit each kB', (((await settle()) - base2) / N).toFixed(1));
for (const d of dbs) await d.close();
dbs.length = 0;
console.log('after close', await settle());
process.exit(0);
