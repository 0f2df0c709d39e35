// Usage: node docs/adr/spikes/policy.mjs: simulated bytes written per byte appended, by cleaning policy.
// Cleaning-policy simulator: sizes 100..4000 B uniform + 40 B header and key, 8-aligned.
const LIVE = 400e6;
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
export function sim({ dist, limit, segMiB, policy, heads, rounds = 6, overhead = 1.017 }) {
  const r = rng(7);
  const segBytes = segMiB * 1048576;
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
  const where = new Int32Array(n).fill(-1);
  const gen = new Int32Array(n);
  let segs = new Map(),
    nextId = 0,
    used = 0,
    clock = 0,
    copied = 0,
    appended = 0,
    cleanedSegs = 0,
    utilSum = 0,
    maxRatio = 0;
  const mk = (age) => {
    const s = { id: nextId++, live: 0, used: 0, recs: [], gens: [], age, sealed: false };
    segs.set(s.id, s);
    return s;
  };
  const H = [];
  for (let i = 0; i < heads; i++) H.push(null);
  const max = (limit * live) / overhead;
  function put(h, k, age) {
    let s = H[h];
    const sz = sizes[k];
    if (!s || s.used + sz > segBytes) {
      if (s) s.sealed = true;
      s = H[h] = mk(age);
      s.h = h;
    }
    s.used += sz;
    used += sz;
    s.live += sz;
    s.recs.push(k);
    gen[k]++;
    s.gens.push(gen[k]);
    where[k] = s.id;
    if (h === 0 && heads === 1) s.age = Math.max(s.age, age);
    else s.age = Math.max(s.age, age);
  }
  function victim() {
    let best = null,
      bv = -1;
    for (const s of segs.values()) {
      if (!s.sealed) continue;
      const u = s.live / s.used;
      if (u > 0.98) continue;
      const v =
        policy === 'greedy'
          ? 1 - u
          : policy === 'cb'
            ? ((1 - u) * (clock - s.age + 1)) / (1 + u)
            : ((1 - u) * (clock - s.age + 1) ** Number(policy)) / (1 + u);
      if (v > bv) {
        bv = v;
        best = s;
      }
    }
    return best;
  }
  function clean() {
    const v = victim();
    if (!v) throw new Error('no victim');
    utilSum += v.live / v.used;
    cleanedSegs++;
    const h = Math.min(heads - 1, (v.h ?? 0) + 1);
    for (let i = 0; i < v.recs.length; i++) {
      const k = v.recs[i];
      if (where[k] === v.id && gen[k] === v.gens[i]) {
        copied += sizes[k];
        put(h, k, v.age);
      }
    }
    used -= v.used;
    segs.delete(v.id);
  }
  for (let k = 0; k < n; k++) put(0, k, clock++);
  const total = rounds * n;
  let c0 = 0,
    a0 = 0;
  for (let i = 0; i < total; i++) {
    if (i === Math.floor(total / 2)) {
      c0 = copied;
      a0 = appended;
      cleanedSegs = 0;
      utilSum = 0;
      maxRatio = 0;
    }
    const k = pick();
    const s = segs.get(where[k]);
    s.live -= sizes[k];
    where[k] = -1;
    put(0, k, clock++);
    appended += sizes[k];
    while (used + segBytes * 0 > max) clean();
    const ra = (used * overhead) / live;
    if (ra > maxRatio) maxRatio = ra;
  }
  const ap = appended - a0,
    cp = copied - c0;
  return { WA: (ap + cp) / ap, util: utilSum / cleanedSegs, maxRatio };
}
for (const dist of ['uniform', 'zipf'])
  for (const limit of [1.6, 1.5, 1.4])
    for (const segMiB of [8, 32, 64])
      for (const [policy, heads] of [
        ['greedy', 1],
        ['greedy', 2],
        ['cb', 1],
        ['cb', 2],
        ['0.5', 2],
        ['0.3333', 2],
      ])
        console.log(
          `${dist} limit ${limit} environment ${segMiB} MiB ${policy} heads ${heads}: ${sim({ dist, limit, segMiB, policy, heads }).WA.toFixed(2)}`,
        );
