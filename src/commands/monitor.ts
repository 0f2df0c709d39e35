import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';

function monitor(call: Call): void {
  const { client, reply, services } = call;
  if (client.isInternal) {
    reply.error(
      'ERR MONITOR needs a connection that commands can be sent to, and an embedded store has none',
    );
    return;
  }
  if (client.nested) {
    reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
    return;
  }
  // Asked for again it is not answered, as in Redis.
  if (client.isMonitor) return;
  services.monitors.add(client);
  reply.ok();
}

export const MONITOR_COMMANDS: readonly CommandRow[] = [
  {
    name: 'monitor',
    group: 'server',
    summary: 'Listens for all commands that the server runs, as they are run.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: [],
    keys: [],
    need: 'none',
    execute: monitor,
  },
];
