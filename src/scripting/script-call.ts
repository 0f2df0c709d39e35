import { OUT_OF_MEMORY } from '../base/error-replies.ts';
import {
  type Command,
  IS_DENIED_ON_OOM,
  IS_FORBIDDEN_IN_SCRIPTS,
  IS_WRITE,
  MAY_REPLICATE,
} from '../command-table/command.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { ScriptRun } from './script-run.ts';

/**
 * Runs a command that a script calls, its reply going to the encoder; or answers with the error that it is refused by
 * (script.c, scriptCall).
 */
export function callFromScript(run: ScriptRun, words: Arguments): string | null {
  const { call } = run;
  const { services } = call;
  const command = services.table.resolve(words);
  const refusal =
    command === null ? 'ERR Unknown Redis command called from script' : refusalOf(run, command, words);
  if (command === null || refusal !== null) {
    if (command !== null) command.statistics.rejectedCalls++;
    services.statistics.countError(refusal as string);
    return refusal;
  }
  call.reply.protocol = run.protocol;
  services.propagationTargets = run.targets;
  services.runNested(call, command, words);
  return null;
}

/** Why a script may not call a command now; null if it may. */
function refusalOf(run: ScriptRun, command: Command, words: Arguments): string | null {
  const { call } = run;
  const { services, client } = call;
  if (!command.accepts(words.count) || command.execute === undefined) {
    return 'ERR Wrong number of args calling Redis command from script';
  }
  const { bits } = command;
  if ((bits & IS_FORBIDDEN_IN_SCRIPTS) !== 0 && !services.switches.allowsScriptsAll) {
    return 'ERR This Redis command is not allowed from script';
  }
  if (!client.user.isUnrestricted) {
    const denial = client.user.check(command, words);
    if (denial !== null) {
      const reason = services.users.refuse(client, denial, command, words, 'lua');
      return `NOPERM ACL failure in script: ${reason.replace(/^NOPERM /, '')}`;
    }
  }
  if (run.readOnly && (bits & (IS_WRITE | MAY_REPLICATE)) !== 0) {
    return 'ERR Write commands are not allowed from read-only scripts.';
  }
  if ((bits & IS_DENIED_ON_OOM) !== 0 && !run.allowOom && !run.hasWritten) {
    // A script can't wait for memory to be freed: what it adds is demoted when it has ended.
    const verdict = services.admitWrite();
    if (verdict === 'full') return OUT_OF_MEMORY;
    if (verdict !== 'run' && verdict !== 'wait') return verdict;
  }
  if ((bits & IS_WRITE) !== 0) {
    const { persistence } = services;
    const refusal = persistence.isRestricting ? persistence.refusalOf(true, true) : null;
    if (refusal !== null) return refusal;
    run.hasWritten = true;
  }
  return null;
}
