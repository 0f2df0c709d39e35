import { ConfigError, type Setting } from '../config/parse.ts';
import type { CommandRow } from './row.ts';

/**
 * The names that commands go by where `rename-command` lines give them others, by their own names; an empty one takes the command
 * away. The lines count in their order: each names a command as those before it left it. Throws {@link ConfigError}.
 */
export function readRenames(
  settings: readonly Setting[],
  rows: readonly CommandRow[],
): ReadonlyMap<string, string> {
  const ownNames = new Map(rows.map(({ name }) => [name, name]));
  const renames = new Map<string, string>();
  for (const setting of settings) {
    if (setting.words.length !== 2)
      throw new ConfigError('Bad directive or wrong number of arguments', setting);
    const [present, wanted] = setting.words.map((word) => word.toLowerCase());
    const ownName = ownNames.get(present);
    if (ownName === undefined) throw new ConfigError('No such command in rename-command', setting);
    ownNames.delete(present);
    if (wanted !== '') {
      if (ownNames.has(wanted)) throw new ConfigError('Target command name already exists', setting);
      ownNames.set(wanted, ownName);
    }
    renames.set(ownName, wanted);
  }
  return renames;
}
