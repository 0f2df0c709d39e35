import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';

/** Replies a subcommand's help as Redis lays it out (addReplyHelp). */
export function replyHelp(call: Call, container: string, lines: readonly string[]): void {
  const { reply } = call;
  reply.array(lines.length + 3);
  reply.simple(`${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
  for (const line of lines) reply.simple(line);
  reply.simple('HELP');
  reply.simple('    Prints this help.');
}

/** The row of a container's HELP, which replies `lines`. */
export function helpRow(
  container: string,
  lines: readonly string[],
  more: Pick<CommandRow, 'group' | 'since'> & Partial<Pick<CommandRow, 'categories'>>,
): CommandRow {
  return {
    name: 'help',
    summary: 'Returns helpful text about the subcommands.',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale'],
    categories: [],
    keys: [],
    need: 'none',
    execute: (call) => replyHelp(call, container, lines),
    ...more,
  };
}
