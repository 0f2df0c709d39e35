// Usage: node docs/adr/spikes/codec.mjs: LZ4, CRC-32 and copies by size.
import { randomFillSync } from 'node:crypto';
import zlib from 'node:zlib';
import lz4 from 'lz4-napi';

const { compressSync, uncompressSync } = lz4;
const json = (n) => {
  let s = '';
  let i = 0;
  while (s.length < n) {
    s += `${JSON.stringify({
      id: (i * 7919) % 100000,
      user: `user${(i * 31) % 977}`,
      email: `u${(i * 13) % 5003}@example.com`,
      active: i % 3 === 0,
      score: ((i * 17) % 1000) / 10,
      tags: ['alpha', 'beta'],
      updated: 1700000000 + i * 61,
    })},`;
    i++;
  }
  return Buffer.from(s.slice(0, n));
};
function bench(f, n) {
  for (let i = 0; i < n / 5; i++) f();
  let best = 1e9;
  for (let r = 0; r < 5; r++) {
    const t = process.hrtime.bigint();
    for (let i = 0; i < n; i++) f();
    const d = Number(process.hrtime.bigint() - t) / n / 1e3;
    if (d < best) best = d;
  }
  return best;
}
console.log(Object.keys(lz4).join(' '));
for (const [kind, make] of [
  ['json', json],
  [
    'random',
    (n) => {
      const b = Buffer.alloc(n);
      randomFillSync(b);
      return b;
    },
  ],
])
  for (const n of [64, 128, 256, 512, 1024, 2048, 4096, 16384, 65536]) {
    const b = make(n);
    const c = compressSync(b);
    const reps = n > 8000 ? 2000 : 20000;
    const tc = bench(() => compressSync(b), reps),
      td = bench(() => uncompressSync(c), reps);
    console.log(
      `${kind} ${n} B -> ${c.length} B (${(c.length / n).toFixed(2)}) compress ${tc.toFixed(2)} us uncompress ${td.toFixed(2)} us, header ${c.readUInt32LE(0)}`,
    );
  }
// CRC32
const T = [new Uint32Array(256), new Uint32Array(256), new Uint32Array(256), new Uint32Array(256)];
for (let i = 0; i < 256; i++) {
  let c = i;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  T[0][i] = c >>> 0;
}
for (let i = 0; i < 256; i++) {
  for (let t = 1; t < 4; t++) {
    const p = T[t - 1][i];
    T[t][i] = ((p >>> 8) ^ T[0][p & 255]) >>> 0;
  }
}
const [T0, T1, T2, T3] = T;
function crc4(b, s, e, init = 0) {
  let c = ~init;
  let i = s;
  const e4 = e - 3;
  while (i < e4) {
    c ^= b[i] | (b[i + 1] << 8) | (b[i + 2] << 16) | (b[i + 3] << 24);
    c = T3[c & 255] ^ T2[(c >>> 8) & 255] ^ T1[(c >>> 16) & 255] ^ T0[c >>> 24];
    i += 4;
  }
  while (i < e) c = (c >>> 8) ^ T0[(c ^ b[i++]) & 255];
  return ~c >>> 0;
}
function crc1(b, s, e) {
  let c = -1;
  for (let i = s; i < e; i++) c = (c >>> 8) ^ T0[(c ^ b[i]) & 255];
  return ~c >>> 0;
}
const T8 = [];
for (let t = 0; t < 8; t++) {
  const x = new Uint32Array(256);
  for (let i = 0; i < 256; i++) x[i] = t < 4 ? T[t][i] : (T8[t - 1][i] >>> 8) ^ T0[T8[t - 1][i] & 255];
  T8.push(x);
}
const [, , , , U4, U5, U6, U7] = T8;
function crc8(b, s, e) {
  let c = -1,
    i = s;
  const e8 = e - 7;
  while (i < e8) {
    c ^= b[i] | (b[i + 1] << 8) | (b[i + 2] << 16) | (b[i + 3] << 24);
    c =
      U7[c & 255] ^
      U6[(c >>> 8) & 255] ^
      U5[(c >>> 16) & 255] ^
      U4[c >>> 24] ^
      T3[b[i + 4]] ^
      T2[b[i + 5]] ^
      T1[b[i + 6]] ^
      T0[b[i + 7]];
    i += 8;
  }
  while (i < e) c = (c >>> 8) ^ T0[(c ^ b[i++]) & 255];
  return ~c >>> 0;
}
const pool = Buffer.alloc(1 << 16);
randomFillSync(pool);
console.log(
  'zlib.crc32',
  typeof zlib.crc32,
  'agree',
  zlib.crc32(pool.subarray(5, 1000)) === crc4(pool, 5, 1000),
  crc8(pool, 5, 1000) === crc4(pool, 5, 1000),
);
let _o = 0;
for (const n of [32, 64, 128, 256, 512, 1024, 4072]) {
  const reps = n > 2000 ? 20000 : 100000;
  const view = pool.subarray(8, 8 + n);
  console.log(
    `crc ${n} B: slicing-4 ${bench(() => {
      _o ^= crc4(pool, 8, 8 + n);
    }, reps).toFixed(3)} us, slicing-8 ${bench(() => {
      _o ^= crc8(pool, 8, 8 + n);
    }, reps).toFixed(3)} us, bytewise ${bench(() => {
      _o ^= crc1(pool, 8, 8 + n);
    }, reps).toFixed(3)} us, zlib.crc32 (view made) ${bench(() => {
      _o ^= zlib.crc32(view);
    }, reps).toFixed(3)} us, zlib.crc32 + subarray ${bench(() => {
      _o ^= zlib.crc32(pool.subarray(8, 8 + n));
    }, reps).toFixed(3)} us`,
  );
}
// copying a record into a block buffer
const dst = Buffer.allocUnsafeSlow(1 << 20);
const src = Buffer.alloc(8192, 3);
for (const n of [100, 140, 1000, 4000])
  console.log(
    `copy ${n} B: Buffer.copy ${bench(() => {
      src.copy(dst, 4096, 0, n);
    }, 100000).toFixed(3)} us, set(subarray) ${bench(() => {
      dst.set(src.subarray(0, n), 4096);
    }, 100000).toFixed(3)} us`,
  );
