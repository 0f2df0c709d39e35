import type { ValueType } from './value-types.ts';

/**
 * What Thermocline does with a directive:
 * - `full`: what it says.
 * - `accepted`: nothing, and that cannot surprise; any value but the default is loaded with a warning.
 * - `refused`: what it governs does not exist yet and ignoring it would surprise, so any value that asks for it is an
 *   error.
 */
export type Support = 'full' | 'accepted' | 'refused';

/** One row of the table. */
export interface Directive<Value> {
  readonly type: ValueType<Value>;
  readonly default: Value;
  readonly support: Support;
  /** One sentence for the documentation. */
  readonly summary: string;
  /** Older names that mean the same. */
  readonly aliases: readonly string[];
  /** Fixed at start: CONFIG SET refuses it. */
  readonly isImmutable: boolean;
  /** CONFIG SET needs `enable-protected-configs`. */
  readonly isProtected: boolean;
  /** Not shown by the patterns of CONFIG GET, only by its exact name. */
  readonly isHidden: boolean;
  /** Never written to a log or the slow log. */
  readonly isSensitive: boolean;
  /** Names what may have changed meanwhile, a file: CONFIG SET puts the same value into force again. */
  readonly isVolatile: boolean;
  /** The version of Redis that brought it, where that is 6.2 or later; for Thermocline's own, its version. */
  readonly since: string;
  /** For `refused`: the values other than the default that ask for nothing that is missing. */
  isHarmless(value: Value): boolean;
}

interface Options<Value> {
  aliases?: readonly string[];
  immutable?: true;
  protected?: true;
  hidden?: true;
  sensitive?: true;
  volatile?: true;
  since?: string;
  harmless?: (value: Value) => boolean;
}

/** Makes a row of the table. */
export function directive<Value>(
  support: Support,
  type: ValueType<Value>,
  fallback: NoInfer<Value>,
  summary: string,
  options: Options<NoInfer<Value>> = {},
): Directive<Value> {
  return {
    type,
    default: fallback,
    support,
    summary,
    aliases: options.aliases ?? [],
    isImmutable: options.immutable === true,
    isProtected: options.protected === true,
    isHidden: options.hidden === true,
    isSensitive: options.sensitive === true,
    isVolatile: options.volatile === true,
    since: options.since ?? '',
    isHarmless: options.harmless ?? (() => false),
  };
}
