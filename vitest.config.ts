import { defineConfig } from 'vitest/config';

/** Builds dist/ where it is stale, for the tests that run the server. */
const globalSetup = 'test/support/build.ts';

/** A project of long-running tests in one folder, empty until its first file is written. */
function longRunning(name: string, testTimeout: number) {
  return {
    test: { name, globalSetup, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: 60_000 },
  };
}

const longRunningProjects = [
  longRunning('differential', 300_000),
  longRunning('simulation', 300_000),
  longRunning('crash', 300_000),
  longRunning('apps', 120_000),
];

export default defineConfig({
  test: {
    passWithNoTests: true,
    projects: [
      {
        test: {
          name: 'unit',
          globalSetup,
          include: ['src/**/*.test.ts', 'bench/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: longRunningProjects.flatMap((project) => project.test.include),
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      ...longRunningProjects,
    ],
  },
});
