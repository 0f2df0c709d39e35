import type { CommandRow } from '../command-table/row.ts';
import { ACL_COMMANDS } from './acl.ts';
import { APPEND_LOG_COMMANDS } from './aof.ts';
import { BITMAP_COMMANDS } from './bitmaps.ts';
import { COMMAND_COMMANDS } from './command.ts';
import { CONFIG_COMMANDS } from './config.ts';
import { CONNECTION_COMMANDS } from './connection.ts';
import { DIAGNOSTIC_COMMANDS } from './diagnostics.ts';
import { DUMP_COMMANDS } from './dump.ts';
import { FLEX_COMMANDS } from './flex.ts';
import { FUNCTION_COMMANDS } from './functions.ts';
import { GEO_COMMANDS } from './geo.ts';
import { HASH_COMMANDS } from './hashes.ts';
import { HYPERLOGLOG_COMMANDS } from './hyperloglog.ts';
import { SERVER_COMMANDS } from './info.ts';
import { KEY_COMMANDS } from './keys.ts';
import { LIST_COMMANDS } from './lists.ts';
import { MONITOR_COMMANDS } from './monitor.ts';
import { PERSISTENCE_COMMANDS } from './persistence.ts';
import { PUBSUB_COMMANDS } from './pubsub.ts';
import { SCRIPTING_COMMANDS } from './scripting.ts';
import { SET_COMMANDS } from './sets.ts';
import { SORT_COMMANDS } from './sort.ts';
import { SORTED_SET_COMMANDS } from './sorted-sets.ts';
import { STREAM_COMMANDS } from './streams.ts';
import { STRING_COMMANDS } from './strings.ts';
import { SYNC_COMMANDS } from './sync.ts';
import { TRANSACTION_COMMANDS } from './transactions.ts';

/** Every command of the server. */
export const COMMANDS: readonly CommandRow[] = [
  ...STRING_COMMANDS,
  ...BITMAP_COMMANDS,
  ...HASH_COMMANDS,
  ...HYPERLOGLOG_COMMANDS,
  ...LIST_COMMANDS,
  ...SET_COMMANDS,
  ...SORTED_SET_COMMANDS,
  ...STREAM_COMMANDS,
  ...GEO_COMMANDS,
  ...KEY_COMMANDS,
  ...DUMP_COMMANDS,
  ...SORT_COMMANDS,
  ...TRANSACTION_COMMANDS,
  ...PUBSUB_COMMANDS,
  ...SCRIPTING_COMMANDS,
  ...FUNCTION_COMMANDS,
  ...CONNECTION_COMMANDS,
  ...MONITOR_COMMANDS,
  ...ACL_COMMANDS,
  ...COMMAND_COMMANDS,
  ...CONFIG_COMMANDS,
  ...SERVER_COMMANDS,
  ...PERSISTENCE_COMMANDS,
  ...APPEND_LOG_COMMANDS,
  ...SYNC_COMMANDS,
  ...FLEX_COMMANDS,
  ...DIAGNOSTIC_COMMANDS,
];
