import fs from 'node:fs';
import os from 'node:os';
export const BASE = process.env.BASE ?? `${os.tmpdir()}/thermocline-spike`;
export function fresh(name) {
  const p = `${BASE}/${name}`;
  fs.rmSync(p, { recursive: true, force: true });
  fs.mkdirSync(p, { recursive: true });
  return p;
}
export const mainCpu = () =>
  Number(fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e3; // us
export const procCpu = () => {
  const c = process.cpuUsage();
  return c.user + c.system;
};
export const now = () => performance.now() * 1e3;
export const io = () => {
  const t = fs.readFileSync('/proc/self/io', 'utf8');
  return Number(/write_bytes: (\d+)/.exec(t)[1]);
};
export const status = (k) =>
  Number(new RegExp(`${k}:\\s+(\\d+)`).exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);
export const OPT = {
  keyEncoding: 'uint32',
  encoding: 'binary',
  noReadAhead: true,
  mapSize: 1 << 30,
  maxDbs: 1,
  maxReaders: 16,
};
export const q = (a, p) => {
  const s = [...a].sort((x, y) => x - y);
  return s[Math.min(s.length - 1, Math.floor(p * s.length))];
};
