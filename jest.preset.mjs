// `npm test -- --quick`: everything but the specs that start whole services, which take most of the time.
const quick = process.env.GATEHOUSE_TESTS === 'quick';

/** Jest runs the compiled JavaScript as native ES modules: no transform, stack traces come from source maps. */
export default (rootDir) => ({
  rootDir,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/dist/**/*.spec.js'],
  ...(quick && { testPathIgnorePatterns: ['/node_modules/', '\\.e2e\\.spec\\.js$'], passWithNoTests: true }),
  transform: {},
  setupFiles: ['reflect-metadata'],
  testTimeout: 60_000,
  workerIdleMemoryLimit: '768MB',
});
