// Usage: node docs/adr/spikes/lock.mjs: LMDB's reader table as a lock between processes.
import { spawn, spawnSync } from 'node:child_process';
import { open } from 'lmdb';
import { BASE, fresh, OPT } from './shared.mjs';

const P = `${BASE}/lk/lock.mdb`;
if (process.argv[2] === 'hold') {
  const db = open({ path: P, ...OPT, mapSize: 1 << 20 });
  const n = db.getStats().numReaders;
  console.log('numReaders', n);
  if (n > 1) {
    console.log('REFUSED');
    process.exit(3);
  }
  setTimeout(() => {}, 1e6);
} else if (process.argv[2] === 'try') {
  const db = open({ path: P, ...OPT, mapSize: 1 << 20 });
  const s = db.getStats();
  console.log('try: numReaders', s.numReaders, JSON.stringify(db.readerList()));
  process.exit(s.numReaders > 1 ? 3 : 0);
} else {
  fresh('lk');
  const a = spawn(process.execPath, [import.meta.filename, 'hold'], { stdio: 'inherit' });
  await new Promise((r) => setTimeout(r, 500));
  for (let i = 0; i < 2; i++)
    console.log(
      'while held: exit',
      spawnSync(process.execPath, [import.meta.filename, 'try'], { stdio: 'inherit' }).status,
    );
  a.kill('SIGKILL');
  await new Promise((r) => a.on('close', r));
  console.log(
    'after SIGKILL: exit',
    spawnSync(process.execPath, [import.meta.filename, 'try'], { stdio: 'inherit' }).status,
  );
  const u = spawnSync('unshare', ['--pid', '--fork', 'true']);
  console.log('unshare', u.status);
  const b = spawn(
    'unshare',
    ['--pid', '--fork', '--kill-child', process.execPath, import.meta.filename, 'hold'],
    { stdio: 'inherit' },
  );
  await new Promise((r) => setTimeout(r, 700));
  console.log(
    'held in another pid namespace: exit',
    spawnSync('unshare', ['--pid', '--fork', process.execPath, import.meta.filename, 'try'], {
      stdio: 'inherit',
    }).status,
  );
  b.kill('SIGKILL');
  await new Promise((r) => b.on('close', r));
  await new Promise((r) => setTimeout(r, 300));
  console.log(
    'after: exit',
    spawnSync(process.execPath, [import.meta.filename, 'try'], { stdio: 'inherit' }).status,
  );
}
