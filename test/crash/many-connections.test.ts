import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { connect, fields, type TestClient } from '../support/client.ts';
import { eventually, startThermocline } from '../support/servers.ts';

const COUNT = 10_000;
const openFilesMax = Number(`${spawnSync('sh', ['-c', 'ulimit -n']).stdout}`) || Number.POSITIVE_INFINITY;

// Both ends of a connection are files: this process holds one, the server's the other.
test.skipIf(openFilesMax < COUNT + 200)(
  `ten thousand connections are served (needs ulimit -n ${COUNT + 200})`,
  async () => {
    const server = await startThermocline({ maxclients: COUNT + 100, 'tcp-backlog': 4096 });
    const admin = await connect(server.port);
    const before = Number(fields(await admin.call('INFO', 'memory')).used_memory_rss_anonymous);
    const clients: TestClient[] = [];
    while (clients.length < COUNT) {
      clients.push(...(await Promise.all(Array.from({ length: 200 }, () => connect(server.port)))));
    }
    for (const client of clients) client.send('SET a 1\r\nINCR a\r\n');
    for (const client of clients) expect((await client.rawReplies(2)).join('')).toBe('+OK\r\n:2\r\n');
    const figures = fields(await admin.call('INFO', 'clients', 'memory'));
    expect(figures.connected_clients).toBe(`${COUNT + 1}`);
    expect((Number(figures.used_memory_rss_anonymous) - before) / COUNT).toBeLessThan(16 * 1024);
    for (const client of clients) client.close();
    await eventually(
      async () => fields(await admin.call('INFO', 'clients')).connected_clients === '1',
      'they have gone',
    );
    await server.close();
  },
  60_000,
);
