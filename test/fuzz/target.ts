/** What a target of the fuzzer is: a way to make inputs, and the invariants that must hold for each. */

import type { Random } from './random';

/**
 * A target. All that a case does follows from its input, and that from its seed: a target keeps nothing from one
 * case for the next.
 *
 * @typeParam Input what one case is about
 */
export interface Target<Input> {
  /** As in `--target`. */
  readonly name: string;
  /** Makes the input of one case. */
  generate(random: Random): Input;
  /** Throws when an invariant is broken, or whatever the code under test should not have thrown. */
  check(input: Input): void | Promise<void>;
  /** Smaller inputs that may fail in the same way, the smallest first; they need not be valid. */
  smaller(input: Input): Iterable<Input>;
  /** The input for people. */
  show(input: Input): string;
  /** Invariants over many cases, checked once before and once after them: memory. */
  watch?(): Watch;
}

/** Looks at a target from before its first case until after its last. */
export interface Watch {
  /** Called when the first cases have warmed up caches and compilers. */
  warm(): void;
  /** Throws when an invariant is broken. */
  end(): void;
}

/** A broken invariant. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Throws a {@link Violation} unless the condition holds. */
export function must(condition: boolean, what: string | (() => string)): asserts condition {
  if (!condition) throw new Violation(typeof what === 'string' ? what : what());
}
