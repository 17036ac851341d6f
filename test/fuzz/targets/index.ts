/** All targets by name. A new one is a file beside this one, and a line here. */

import { type RunOptions, type RunResult, run } from '../run';
import type { Target } from '../target';
import { applicationTarget } from './application';
import { clientTarget } from './client';
import { decoderTarget } from './decoder';
import { sessionTarget } from './session';

/** A target, ready to run. */
export interface RunnableTarget {
  readonly name: string;
  /** @throws FuzzFailure */
  run(options: RunOptions): Promise<RunResult>;
}

export const targets: readonly RunnableTarget[] = [
  runnable(decoderTarget),
  runnable(sessionTarget),
  runnable(clientTarget),
  runnable(applicationTarget),
];

function runnable<Input>(target: Target<Input>): RunnableTarget {
  return { name: target.name, run: (options) => run(target, options) };
}
