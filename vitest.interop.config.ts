import { defineConfig } from 'vitest/config';

/** `npm run test:interop`: the brokers that take too long to start, or to get, for `npm test`. */
export default defineConfig({
  test: {
    include: ['test/interop/brokers/*.interop.ts'],
    // Each starts all brokers that it needs.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    reporters: process.env['CI']
      ? ['dot', ['json', { outputFile: 'test-results/vitest-interop.json' }]]
      : ['dot'],
  },
});
