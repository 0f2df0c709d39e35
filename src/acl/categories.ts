import { type Command, type CommandTable, categoriesOf } from '../command-table/command.ts';
import { CATEGORIES, type Category } from '../command-table/row.ts';

/** Which commands are in which ACL category. */
export class Categories {
  readonly table: CommandTable;
  readonly #members = new Map<string, Command[]>();
  readonly #reach = new Map<string, Command[]>();

  constructor(table: CommandTable) {
    this.table = table;
    for (const category of CATEGORIES) {
      const members = table.all.filter((command) => categoriesOf(command.row).includes(category));
      this.#members.set(category, members);
      const reach = members.flatMap((command) => [command, ...(command.subcommands?.commands ?? [])]);
      this.#reach.set(category, [...new Set(reach)]);
    }
  }

  /** The commands of a category, in any case of letters; undefined if there is none of that name. */
  membersOf(category: Category | string): readonly Command[] | undefined {
    return this.#members.get(category.toLowerCase());
  }

  /** The commands that a rule for a category is about: its own, and all subcommands of those. */
  reachOf(category: string): readonly Command[] | undefined {
    return this.#reach.get(category.toLowerCase());
  }
}
