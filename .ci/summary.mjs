// Prints one line that sums up the tests of all runners, and ends with the status of the run.
//
//   node .ci/summary.mjs STATUS PLAYWRIGHT.json VITEST.json...

import { existsSync, readFileSync } from 'node:fs';

const [status, playwrightFile, ...vitestFiles] = process.argv.slice(2);
const read = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined);

const total = { passed: 0, failed: 0, skipped: 0 };

for (const vitest of vitestFiles.map(read)) {
  if (!vitest) continue;
  total.passed += vitest.numPassedTests;
  total.failed += vitest.numFailedTests;
  total.skipped += vitest.numPendingTests + vitest.numTodoTests;
  // A file that could not be loaded has no test to count.
  total.failed += vitest.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
}

const playwright = read(playwrightFile);
if (playwright) {
  total.passed += playwright.stats.expected;
  total.failed += playwright.stats.unexpected + playwright.stats.flaky;
  total.skipped += playwright.stats.skipped;
}

let code = Number(status);
// Lint, types, the build, or an error outside a test.
if (code !== 0 && total.failed === 0) total.failed = 1;
if (code === 0 && (total.failed > 0 || total.passed === 0)) code = 1;
if (code === 0 && total.skipped > 0) {
  console.log('Skipped tests are failures here: a test that cannot run must say what it lacks.');
  code = 1;
}
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
);
process.exit(code);
