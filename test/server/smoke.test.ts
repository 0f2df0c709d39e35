import { expect, test } from 'vitest';
import { startRedis, startThermocline } from '../support/servers.ts';
test('starts', async () => {
  const s = await startThermocline();
  const r = await startRedis();
  expect(s.port).toBeGreaterThan(0);
  console.log(s.log(), r.port);
  await s.close();
  await r.close();
});
