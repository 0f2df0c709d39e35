import type { Call } from '../command-table/call.ts';

/** Replies a subcommand's help as Redis lays it out (addReplyHelp). */
export function replyHelp(call: Call, container: string, lines: readonly string[]): void {
  const { reply } = call;
  reply.array(lines.length + 3);
  reply.simple(`${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
  for (const line of lines) reply.simple(line);
  reply.simple('HELP');
  reply.simple('    Prints this help.');
}
