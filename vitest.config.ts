import { defineConfig } from 'vitest/config';

// Where CI wants to know what was skipped.
const report = process.env.MERLON_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts'],
    // Minutes of sqlmap: `npm run test:attack`.
    exclude: ['**/node_modules/**', 'test/attack/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // On a shared machine a second look tells a fault from a neighbour; what is broken fails twice.
    retry: process.env.CI === undefined ? 0 : 1,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
