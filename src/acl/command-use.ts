import type { Command } from '../command-table/command.ts';
import { KeyPositions } from '../command-table/keys.ts';
import type { Arguments } from '../resp/arguments.ts';

/** One call that is being checked; its keys are looked for once, if any rule asks for them. Reused for the next call. */
export class CommandUse {
  command!: Command;
  words!: Arguments;
  /** Argument with the key or channel that was denied last. */
  deniedAt = 0;
  readonly #keys = new KeyPositions();
  #hasKeys = false;

  of(command: Command, words: Arguments): this {
    this.command = command;
    this.words = words;
    this.deniedAt = 0;
    this.#hasKeys = false;
    return this;
  }

  get keys(): KeyPositions {
    if (!this.#hasKeys) this.#keys.find(this.command.row.keys, this.words);
    this.#hasKeys = true;
    return this.#keys;
  }
}

/** Which arguments of a command name channels. UNSUBSCRIBE and its like need no permission. */
export interface ChannelArguments {
  /** All arguments are channels, or the first only. */
  readonly isMany: boolean;
  /** They are patterns. */
  readonly isPattern: boolean;
}

const CHANNELS = new Map<string, ChannelArguments>([
  ['publish', { isMany: false, isPattern: false }],
  ['spublish', { isMany: false, isPattern: false }],
  ['subscribe', { isMany: true, isPattern: false }],
  ['ssubscribe', { isMany: true, isPattern: false }],
  ['psubscribe', { isMany: true, isPattern: true }],
]);

/** The channel arguments of a command, from number 1 on; undefined if it has none (db.c, commands_with_channels). */
export function channelArguments(command: Command): ChannelArguments | undefined {
  return CHANNELS.get(command.fullName);
}
