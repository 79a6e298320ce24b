import path from 'node:path';

// `npm test -- --quick`: everything but the specs that start whole services, which take most of the time.
const quick = process.env.GATEHOUSE_TESTS === 'quick';

const servers = path.join(import.meta.dirname, 'libs/testing/dist');

/**
 * Jest runs the compiled JavaScript as native ES modules: no transform, stack traces come from source maps.
 *
 * @param {{ postgres?: boolean }} options `postgres`: the specs share one server, see `openTestDatabases`
 */
export default (rootDir, { postgres = false } = {}) => ({
  rootDir,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/dist/**/*.spec.js'],
  ...(quick && { testPathIgnorePatterns: ['/node_modules/', '\\.e2e\\.spec\\.js$'], passWithNoTests: true }),
  transform: {},
  setupFiles: ['reflect-metadata'],
  ...(postgres && {
    globalSetup: path.join(servers, 'postgres-setup.js'),
    globalTeardown: path.join(servers, 'postgres-teardown.js'),
  }),
  // A limit for what hangs; on a machine that is busy with other specs a start takes many times its two seconds.
  testTimeout: 180_000,
  workerIdleMemoryLimit: '768MB',
});
