import type { CommandRow } from '../command-table/row.ts';
import { COMMAND_COMMANDS } from './command.ts';
import { CONFIG_COMMANDS } from './config.ts';
import { CONNECTION_COMMANDS } from './connection.ts';
import { DIAGNOSTIC_COMMANDS } from './diagnostics.ts';
import { FLEX_COMMANDS } from './flex.ts';
import { SERVER_COMMANDS } from './info.ts';
import { KEY_COMMANDS } from './keys.ts';
import { STRING_COMMANDS } from './strings.ts';
import { TRANSACTION_COMMANDS } from './transactions.ts';

/** Every command of the server. */
export const COMMANDS: readonly CommandRow[] = [
  ...STRING_COMMANDS,
  ...KEY_COMMANDS,
  ...TRANSACTION_COMMANDS,
  ...CONNECTION_COMMANDS,
  ...COMMAND_COMMANDS,
  ...CONFIG_COMMANDS,
  ...SERVER_COMMANDS,
  ...FLEX_COMMANDS,
  ...DIAGNOSTIC_COMMANDS,
];
