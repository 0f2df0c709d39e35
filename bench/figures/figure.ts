import type { KnownServers } from '../known-servers.ts';

/** What a figure is measured with. */
export interface FigureContext extends KnownServers {
  /** A tenth to a twentieth of the work: shows that the figure runs, not what it is. */
  readonly quick: boolean;
  /** Says what is going on. */
  log(line: string): void;
}

/** One measured value beside its goal. */
export interface FigureRow {
  readonly what: string;
  readonly measured: string;
  /** The same on redis-server in the same run, where it has a meaning. */
  readonly redis: string;
  readonly goal: string;
  /** Null where the row has no goal of its own or could not be measured. */
  readonly isMet: boolean | null;
  /** The numbers behind the texts. */
  readonly numbers: Readonly<Record<string, number | readonly number[]>>;
}

/** A line of the project's table of figures, in one row or several. */
export interface Figure {
  readonly name: string;
  /** Yields each row once it is measured, so that a failure leaves the rows before it. */
  measure(context: FigureContext): AsyncGenerator<FigureRow>;
}
