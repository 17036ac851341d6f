/** Runs in the runtime: each scenario where it is told to, one line of JSON for each. */

import type { Here } from '../browser/engines/here';
import { type ScenarioName, scenarios } from '../browser/engines/scenarios';

/** What the process is asked. */
export interface Errand {
  readonly name: ScenarioName;
  readonly here: Here;
}

/** What it answers for each. */
export interface Report {
  readonly name: ScenarioName;
  readonly error?: string | undefined;
}

const [errandsText = '[]'] = process.argv.slice(2);

for (const { name, here } of JSON.parse(errandsText) as Errand[]) {
  let error: string | undefined;
  try {
    await scenarios[name](here);
  } catch (thrown) {
    error = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  }
  const report: Report = { name, error };
  console.log(JSON.stringify(report));
}
