import { defineConfig } from 'vitest/config';

/** Tests of the package as it is built and published: these need a build first. */
const packageTests = 'test/integration/package/**/*.test.ts';

export default defineConfig({
  test: {
    // Vitest leaves a core to itself, of two that is half of all; .ci/run has other work beside it.
    maxWorkers: process.env['CI'] ? 1 : '100%',
    // Quicker to start than processes.
    pool: 'threads',
    testTimeout: 15_000,
    hookTimeout: 30_000,
    // .ci/run reads the counts from the file.
    reporters: process.env['CI']
      ? ['default', ['json', { outputFile: 'test-results/vitest.json' }]]
      : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'source',
          include: ['test/**/*.test.ts'],
          exclude: [packageTests, '**/node_modules/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: [packageTests],
          globalSetup: 'test/integration/package/setup.ts',
          testTimeout: 60_000,
        },
      },
    ],
  },
});
