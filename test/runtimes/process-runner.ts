/** Runs in a process of its own: the scenario of the first argument, and one line of JSON that tells how it went. */

import { type Errand, reportOn } from './errand';

console.log(JSON.stringify(await reportOn(JSON.parse(process.argv[2] ?? '') as Errand)));
