// Usage: DIRECTORY=a small tmpfs with a file 'ballast' node docs/adr/spikes/full-disk.mjs true|false put|batch [close].
import fs from 'node:fs';
import { open } from 'lmdb';
import { OPT } from './shared.mjs';

let unhandled = 0;
process.on('unhandledRejection', () => unhandled++);
const dir = process.env.DIRECTORY,
  p = `${dir}/a.mdb`;
fs.rmSync(p, { force: true });
fs.rmSync(`${p}-lock`, { force: true });
const etb = process.argv[2] === 'true',
  how = process.argv[3];
const db = open({ path: p, ...OPT, eventTurnBatching: etb });
const b = Buffer.alloc(4072, 9);
let k = 1;
const commit = (n) => {
  if (how === 'batch')
    return db.batch(() => {
      for (let i = 0; i < n; i++) db.put(k++, b);
    });
  let r;
  for (let i = 0; i < n; i++) r = db.put(k++, b);
  return r;
};
let fails = 0,
  oks = 0;
for (let i = 0; i < 8; i++) {
  try {
    await commit(64);
    oks++;
  } catch (e) {
    fails++;
    const c = await e.commitError.catch((x) => x);
    if (fails < 3) console.log('  failed:', c.message.slice(0, 60), c.code);
  }
}
await new Promise((r) => setTimeout(r, 100));
let whole = 0;
for (let i = 1; i < k; i++) if (db.getBinaryFast(i)) whole++;
console.log(
  'eventTurnBatching',
  etb,
  how,
  'ok',
  oks,
  'failed',
  fails,
  'unhandled rejections',
  unhandled,
  'readable',
  whole,
  'of committed',
  oks * 64,
);
const R = (q, l) =>
  Promise.race([
    q.then(
      () => `${l} resolved`,
      () => `${l} rejected`,
    ),
    new Promise((r) => setTimeout(() => r(`${l} never settles`), 500)),
  ]);
console.log('  ', await R(Promise.resolve(db.flushed), 'flushed'));
db.removeSync?.(1);
for (let i = 1; i < 100; i++) {}
if (process.argv[4]) {
  console.log('  ', await R(db.close(), 'close'));
  process.exit(0);
}
fs.rmSync(`${dir}/ballast`);
console.log(
  '  ',
  await R(commit(8), 'commit after space returned'),
  await R(Promise.resolve(db.flushed), 'flushed'),
  await R(db.close(), 'close'),
);
process.exit(0);
