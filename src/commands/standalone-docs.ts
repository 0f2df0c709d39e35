import type { ArgumentDoc, CommandRow } from '../command-table/row.ts';
import { argument, block, OPTIONAL, oneOf, token } from './common-docs.ts';

type ClusterDocs = Pick<
  CommandRow,
  'arguments' | 'history' | 'hints' | 'docFlags' | 'deprecatedSince' | 'replacedBy'
>;

const NODE = [argument('node-id', 'string')];
const SLOTS = [argument('slot', 'integer', { multiple: true })];
const SLOT_RANGES = [
  block('start-slot_end-slot', [argument('start-slot', 'integer'), argument('end-slot', 'integer')], {
    multiple: true,
  }),
];
const hints = ['nondeterministic_output'];

function node(word: string): ArgumentDoc {
  return argument('node-id', 'string', { token: word });
}

/** Documentation of CLUSTER's subcommands, by name; those that there is nothing to tell of are left out. */
export const CLUSTER_DOCS: Readonly<Record<string, ClusterDocs>> = {
  addslots: { arguments: SLOTS },
  addslotsrange: { arguments: SLOT_RANGES },
  bumpepoch: { hints },
  'count-failure-reports': { arguments: NODE, hints },
  countkeysinslot: { arguments: [argument('slot', 'integer')] },
  delslots: { arguments: SLOTS },
  delslotsrange: { arguments: SLOT_RANGES },
  failover: { arguments: [oneOf('options', [token('force'), token('takeover')], OPTIONAL)] },
  forget: { arguments: NODE },
  getkeysinslot: { arguments: [argument('slot', 'integer'), argument('count', 'integer')], hints },
  info: { hints },
  keyslot: { arguments: [argument('key', 'string')] },
  links: { hints },
  meet: {
    arguments: [
      argument('ip', 'string'),
      argument('port', 'integer'),
      argument('cluster_bus_port', 'integer', { since: '4.0.0', optional: true }),
    ],
    history: [['4.0.0', 'Added the bus port.']],
  },
  nodes: { hints },
  replicas: { arguments: NODE, hints },
  replicate: { arguments: NODE },
  reset: { arguments: [oneOf('hard_soft', [token('hard'), token('soft')], OPTIONAL)] },
  'set-config-epoch': { arguments: [argument('config-epoch', 'integer')] },
  setslot: {
    arguments: [
      argument('slot', 'integer'),
      oneOf('subcommand', [node('IMPORTING'), node('MIGRATING'), node('NODE'), token('stable')]),
    ],
  },
  shards: { hints },
  slaves: {
    arguments: NODE,
    hints,
    docFlags: ['deprecated'],
    deprecatedSince: '5.0.0',
    replacedBy: '`CLUSTER REPLICAS`',
  },
  slots: {
    history: [
      ['4.0.0', 'Added node IDs.'],
      ['7.0.0', 'Added the networking metadata.'],
    ],
    hints,
    docFlags: ['deprecated'],
    deprecatedSince: '7.0.0',
    replacedBy: '`CLUSTER SHARDS`',
  },
};
