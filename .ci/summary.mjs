// Prints what failed, then one line that sums up the tests of all runners, and ends with the status of the run.
//
//   node .ci/summary.mjs STATUS PLAYWRIGHT.json VITEST.json...

import { existsSync, readFileSync } from 'node:fs';

/** How much of each failure's message is shown: the end of a long log is often all that is kept of it. */
const MESSAGE_LINES = 12;

const [status, playwrightFile, ...vitestFiles] = process.argv.slice(2);
const read = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined);

const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const failed = (name, messages) => failures.push({ name, message: messages.join('\n') });

for (const vitest of vitestFiles.map(read)) {
  if (!vitest) continue;
  total.passed += vitest.numPassedTests;
  total.failed += vitest.numFailedTests;
  total.skipped += vitest.numPendingTests + vitest.numTodoTests;
  for (const file of vitest.testResults) {
    if (file.status === 'failed' && file.assertionResults.length === 0) {
      // A file that could not be loaded has no test to count.
      total.failed += 1;
      failed(file.name, [file.message ?? '']);
    }
    for (const test of file.assertionResults) {
      if (test.status === 'failed') failed(`${file.name}: ${test.fullName}`, test.failureMessages ?? []);
    }
  }
}

const playwright = read(playwrightFile);
if (playwright) {
  total.passed += playwright.stats.expected;
  total.failed += playwright.stats.unexpected + playwright.stats.flaky;
  total.skipped += playwright.stats.skipped;
  const walk = (suite) => {
    for (const spec of suite.specs ?? []) {
      for (const test of spec.tests) {
        if (test.status !== 'unexpected' && test.status !== 'flaky') continue;
        const messages = test.results
          .flatMap((result) => result.errors ?? [])
          .map((error) => error.message ?? '');
        failed(`${spec.file}: ${spec.title} (${test.projectName})`, messages);
      }
    }
    for (const inner of suite.suites ?? []) walk(inner);
  };
  for (const suite of playwright.suites) walk(suite);
}

for (const { name, message } of failures) {
  console.log(`\nFAILED ${name}`);
  console.log(message.split('\n').slice(0, MESSAGE_LINES).join('\n'));
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
