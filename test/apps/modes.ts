import { expect } from 'vitest';
import { connect, fields } from '../support/client.ts';
import { type DirectiveValue, startThermocline, type TestServer } from '../support/servers.ts';

/** A way in which an app's server runs, for `describe.each`. */
export interface Mode {
  readonly title: string;
  readonly directives: Readonly<Record<string, DirectiveValue>>;
}

const IN_MEMORY: Mode = { title: 'in memory', directives: {} };

/** The threshold is below what an empty server takes, so that every key goes to SSD as soon as it can. */
const TIERED: Mode = {
  title: 'with all keys on their way to SSD',
  directives: {
    'enable-flex': true,
    'flex-storage-path': 'ssd',
    'flex-hot-threshold': 0.05,
    maxmemory: '32mb',
  },
};

/** Every app runs with Flex off, and with Flex on and little RAM. */
export const MODES: readonly Mode[] = [IN_MEMORY, TIERED];

/** Starts a server in a mode. */
export function startMode(mode: Mode, directives: Record<string, DirectiveValue> = {}): Promise<TestServer> {
  return startThermocline({ ...mode.directives, ...directives });
}

/** Throws where the mode has a tier and no key was moved to it. */
export async function expectTierUsed(mode: Mode, server: TestServer): Promise<void> {
  if (mode !== TIERED) return;
  const client = await connect(server.port);
  expect(Number(fields(await client.call('INFO', 'flex')).flex_demotions)).toBeGreaterThan(0);
  client.close();
}
