/** Asks a peer's process. */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Question } from './peer-process';
import { message } from './sink-process';

/** Milliseconds after which a peer that has not done its work will not do it. */
const patience = 20_000;

/** A peer's process. */
export class Runner {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('peer-process.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx', '--expose-gc'],
    });
  }

  async ask<Type extends Answer['type']>(question: Question): Promise<Extract<Answer, { type: Type }>> {
    const answer = message<Answer>(this.#child);
    this.#child.send(question);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${patience / 1_000} s`)), patience);
    });
    const value = await Promise.race([answer, late]).finally(() => clearTimeout(timer));
    if (value.type === 'failed') throw new Error(value.reason);
    return value as Extract<Answer, { type: Type }>;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
