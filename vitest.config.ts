import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    // Only what hangs comes near it: of those that have no limit of their own the longest was seen to take 43 s, on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Half of the time went into loading the same modules for each file anew. No module of ours keeps state, and none may.
    isolate: false,
    // More than two cores have: much of what is tested waits for disks, timers and other processes.
    maxWorkers: 3,
  },
});
