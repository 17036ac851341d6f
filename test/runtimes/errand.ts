/** One scenario in a runtime: what it is asked, what it answers, and how it comes to that. */

import type { Here } from '../browser/engines/here';
import { type ScenarioName, scenarios } from '../browser/engines/scenarios';

/** What a runtime is asked. */
export interface Errand {
  readonly name: ScenarioName;
  readonly here: Here;
}

/** What it answers. */
export interface Report {
  readonly name: ScenarioName;
  readonly error?: string | undefined;
}

/** Runs the scenario; an error of it is part of the answer. */
export async function reportOn({ name, here }: Errand): Promise<Report> {
  try {
    await scenarios[name](here);
    return { name };
  } catch (thrown) {
    return { name, error: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown) };
  }
}
