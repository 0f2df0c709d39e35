// Usage: DEVICE=vda node docs/adr/spikes/churn.mjs log|one uniform|zipf LIMIT ENVIRONMENT_MIB COMMIT_KIB: space and bytes written under overwrites.
import { randomFillSync } from 'node:crypto';
import fs from 'node:fs';
import { allDbs, open } from 'lmdb';
import { fresh, io, mainCpu, now, OPT, procCpu, status } from './shared.mjs';

const [design, dist, limitS, segS, commitS, roundsS] = process.argv.slice(2);
const limit = Number(limitS),
  SEG = Number(segS) * 1048576,
  COMMIT = Number(commitS) * 1024,
  rounds = Number(roundsS ?? 2);
const LIVE = 400e6,
  B = 4072;
const dev = () => {
  const t = fs
    .readFileSync(`/sys/block/${process.env.DEVICE ?? 'vda'}/stat`, 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number);
  return t[6] * 512;
};
function rng(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
function zipf(n, theta, r) {
  let z = 0;
  for (let i = 1; i <= n; i++) z += 1 / i ** theta;
  const z2 = 1 + 0.5 ** theta;
  const alpha = 1 / (1 - theta),
    eta = (1 - (2 / n) ** (1 - theta)) / (1 - z2 / z);
  return () => {
    const u = r(),
      uz = u * z;
    if (uz < 1) return 0;
    if (uz < z2) return 1;
    return Math.min(n - 1, Math.floor(n * (eta * u - eta + 1) ** alpha));
  };
}
const r = rng(7);
const sizes = [];
let live = 0;
while (live < LIVE) {
  const s = (100 + Math.floor(r() * 3900) + 40 + 7) & ~7;
  sizes.push(s);
  live += s;
}
const n = sizes.length;
const perm = Int32Array.from({ length: n }, (_, i) => i);
for (let i = n - 1; i > 0; i--) {
  const j = Math.floor(r() * (i + 1));
  const t = perm[i];
  perm[i] = perm[j];
  perm[j] = t;
}
const pick =
  dist === 'uniform'
    ? () => Math.floor(r() * n)
    : (
        (z) => () =>
          perm[z()]
      )(zipf(n, 0.99, r));
const noise = Buffer.allocUnsafeSlow(1 << 16);
randomFillSync(noise);
const root = fresh('churn');
const du = () => {
  let t = 0;
  for (const f of fs.readdirSync(root, { recursive: true })) {
    const s = fs.statSync(`${root}/${f}`);
    if (s.isFile()) t += s.size;
  }
  return t;
};
let maxFile = 0,
  maxAnon = 0,
  _maxBurst = 0;
let appended = 0,
  copied = 0;
const _drop = [];
let step; // async (k) => void
if (design === 'log') {
  const where = new Float64Array(n).fill(-1);
  const segs = new Map();
  let nextId = 1,
    used = 0,
    clock = 0;
  const per = Math.floor(COMMIT / B);
  const AP = undefined;
  class Head {
    constructor(h) {
      this.h = h;
      this.seg = null;
      this.bufs = [0, 1].map(() => {
        const b = Buffer.allocUnsafeSlow(per * B);
        return {
          b,
          v: Array.from({ length: per }, (_, i) => b.subarray(i * B, (i + 1) * B)),
          p: Promise.resolve(),
        };
      });
      this.w = 0;
      this.pos = 0;
    }
    async put(src, off, len, k, age) {
      // stream append
      if (!this.seg || this.seg.used + len > SEG) {
        await this.seal();
        const id = nextId++;
        const db = open({ path: `${root}/${id}.mdb`, ...OPT, mapSize: SEG * 1.25 + (8 << 20) });
        this.seg = { id, db, used: 0, live: 0, next: 1, age, sealed: false, pending: 0 };
        segs.set(id, this.seg);
      }
      const s = this.seg;
      where[k] = s.id * 4294967296 + s.used;
      s.used += len;
      used += len;
      s.live += len;
      if (age > s.age) s.age = age;
      let o = 0;
      while (o < len) {
        const room = per * B - this.pos;
        const m = Math.min(room, len - o);
        src.copy(this.bufs[this.w].b, this.pos, off + o, off + o + m);
        this.pos += m;
        o += m;
        if (this.pos === per * B) await this.flush(per);
      }
    }
    async flush(blocks) {
      const cur = this.bufs[this.w],
        s = this.seg;
      let p;
      for (let i = 0; i < blocks; i++) p = s.db.put(s.next++, cur.v[i], AP);
      cur.p = p ?? Promise.resolve();
      this.w ^= 1;
      this.pos = 0;
      await this.bufs[this.w].p;
      tick();
    }
    async seal() {
      if (!this.seg) return;
      const blocks = Math.ceil(this.pos / B);
      if (blocks) await this.flush(blocks);
      await this.bufs[this.w ^ 1].p;
      const s = this.seg;
      await s.db.flushed;
      await s.db.close();
      s.db = open({ path: `${root}/${s.id}.mdb`, ...OPT, readOnly: true });
      s.sealed = true;
    }
  }
  const heads = [new Head(0), new Head(1)];
  const rec = Buffer.allocUnsafeSlow(8192);
  const victim = () => {
    let best = null,
      bv = -1;
    for (const s of segs.values()) {
      if (!s.sealed) continue;
      const u = s.live / s.used;
      if (u > 0.98) continue;
      const v = ((1 - u) * Math.cbrt(clock - s.age + 1)) / (1 + u);
      if (v > bv) {
        bv = v;
        best = s;
      }
    }
    return best;
  };
  const image = Buffer.allocUnsafeSlow(SEG + B);
  async function clean() {
    const v = victim();
    const nb = Math.ceil(v.used / B);
    for (let i = 1; i <= nb; i++) {
      const b = v.db.getBinaryFast(i);
      image.set(view(b), (i - 1) * B);
    }
    let o = 0;
    while (o < v.used) {
      const k = image.readUInt32LE(o),
        len = image.readUInt32LE(o + 4);
      if (where[k] === v.id * 4294967296 + o) {
        copied += len;
        await heads[1].put(image, o, len, k, v.age);
      }
      o += len;
    }
    for (const hd of heads) for (const b of hd.bufs) await b.p;
    segs.delete(v.id);
    used -= v.used;
    await v.db.close();
    allDbs.delete(String(v.id));
    await fs.promises.unlink(`${root}/${v.id}.mdb`);
    await fs.promises.unlink(`${root}/${v.id}.mdb-lock`);
  }
  const max = (limit * live) / 1.02;
  step = async (k) => {
    const len = sizes[k];
    const w = where[k];
    if (w >= 0) {
      const s = segs.get(Math.floor(w / 4294967296));
      s.live -= len;
      where[k] = -1;
    }
    noise.copy(rec, 0, (k * 8) % 40000, ((k * 8) % 40000) + len);
    rec.writeUInt32LE(k, 0);
    rec.writeUInt32LE(len, 4);
    await heads[0].put(rec, 0, len, k, clock++);
    appended += len;
    while (used > max) await clean();
  };
  step.end = async () => {
    for (const h of heads) await h.seal();
  };
  step.info = () => `envs ${segs.size}`;
} else {
  // one environment, one record per cold record, ascending ids, sorted batched deletes
  const db = open({ path: `${root}/one.mdb`, ...OPT, mapSize: 4 << 30 });
  const id = new Uint32Array(n);
  let next = 1,
    dead = [],
    _batch = 0,
    _slot = 0;
  const AP = undefined;
  const arena = [0, 1].map(() => Buffer.allocUnsafeSlow(COMMIT + 8192));
  let p = Promise.resolve(),
    which = 0,
    pos = 0,
    _pend = [];
  const DEADB = Number(process.env.DEADB ?? 20000);
  step = async (k) => {
    const len = sizes[k];
    if (id[k]) dead.push(id[k]);
    const buf = arena[which];
    noise.copy(buf, pos, (k * 8) % 40000, ((k * 8) % 40000) + len);
    const v = buf.subarray(pos, pos + len);
    pos += len;
    id[k] = next;
    p = db.put(next++, v, AP);
    appended += len;
    if (pos >= COMMIT) {
      if (dead.length >= DEADB) {
        dead.sort((a, b) => a - b);
        for (const d of dead) p = db.remove(d);
        dead = [];
      }
      await p;
      which ^= 1;
      pos = 0;
      tick();
    }
  };
  step.end = async () => {
    await p;
    await db.flushed;
  };
  step.info = () => {
    const s = db.getStats();
    return `leaf ${s.treeLeafPageCount} ovf ${s.overflowPages} last ${s.lastPageNumber} freelist entries ${s.free?.entryCount}`;
  };
}
let VW = null;
function view(b) {
  if (VW === null) VW = new Uint8Array(b.buffer, b.byteOffset, B);
  return VW;
}
let ticks = 0;
function tick() {
  if ((ticks++ & 7) === 0) {
    const f = du();
    if (f > maxFile) maxFile = f;
    const a = status('RssAnon');
    if (a > maxAnon) maxAnon = a;
  }
}
for (let k = 0; k < n; k++) await step(k);
console.log('loaded', n, 'records; file/live', (du() / live).toFixed(3), step.info());
const phase = async (cnt, label) => {
  appended = 0;
  copied = 0;
  maxFile = 0;
  const d0 = dev(),
    i0 = io(),
    m0 = mainCpu(),
    p0 = procCpu(),
    t0 = now();
  for (let i = 0; i < cnt; i++) await step(pick());
  const { execSync } = await import('node:child_process');
  const m1 = mainCpu(),
    p1 = procCpu(),
    t1 = now(),
    i1 = io();
  execSync('sync');
  const d1 = dev();
  const mb = appended / 1048576;
  console.log(
    `${design} ${dist} limit ${limit} env ${segS} commit ${commitS}K ${label}: appended ${mb.toFixed(0)} MiB, logical WA ${((appended + copied) / appended).toFixed(2)}, /proc io WA ${((i1 - i0) / appended).toFixed(2)}, device WA ${((d1 - d0) / appended).toFixed(2)}, max file/live ${(maxFile / live).toFixed(3)}, main ${((m1 - m0) / mb).toFixed(0)} us/MiB, process ${((p1 - p0) / mb).toFixed(0)} us/MiB, wall ${((t1 - t0) / mb).toFixed(0)} us/MiB, ${((m1 - m0) / cnt).toFixed(1)} us main per overwrite, anon max ${(maxAnon / 1024).toFixed(0)} MB, ${step.info()}`,
  );
};
await phase(rounds * n, 'warm-up');
await phase(rounds * n, 'measured');
await step.end();
fs.rmSync(root, { recursive: true, force: true });
process.exit(0);
