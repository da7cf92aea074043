// Four kinds of test: `unit` mirrors src, `model` replays the machine over an in-memory cluster, `contract` speaks to fake
// servers over real sockets, `cluster` needs the lab and runs inside its network.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: ['default'],
    // Most of it computes: the default leaves a core idle, which is one of two on a small machine.
    maxWorkers: '100%',
    // The summary of `npm test` shows messages alone: a list that should be empty has to be readable there.
    chaiConfig: { truncateThreshold: 1000 },
    coverage: {
      provider: 'v8',
      include: ['src/core/**'],
      reporter: ['text-summary', 'json-summary', 'json'],
      thresholds: { branches: 95 },
    },
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/lab/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'model', include: ['test/model/**/*.test.ts'], testTimeout: 120_000 } },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], testTimeout: 30_000 } },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          // Waits end by what they see or when nothing moves; this ends what hangs otherwise.
          testTimeout: 600_000,
          hookTimeout: 600_000,
          // Which files may run side by side is known to tools/test/cluster-files.ts.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'gateways',
          include: ['test/gateways/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          // What is measured is the gateway, and nothing else is to run beside it.
          fileParallelism: false,
        },
      },
    ],
  },
});
