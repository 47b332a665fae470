import { defineConfig } from 'vitest/config';

/** Contract tests of ports that need no engine: the servers that they ask, they start themselves. */
const SERVERS = 'test/contract/{cache,connection,database,files,http,metrics}*.test.ts';

/* Timeouts are for what hangs: a machine that is busy with other work takes many times as long.
   Three kinds of tests (design, section 9). Other contract tests and the scenario tests share one engine and one platform,
   so their files run one after the other. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 120_000 } },
      {
        test: {
          name: 'servers',
          include: [SERVERS],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          exclude: [SERVERS],
          globalSetup: ['test/support/engine-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'scenario',
          include: ['test/scenario/**/*.test.ts'],
          globalSetup: ['test/support/platform-setup.ts'],
          testTimeout: 900_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
