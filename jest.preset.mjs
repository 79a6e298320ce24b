/** Jest runs the compiled JavaScript as native ES modules: no transform, stack traces come from source maps. */
export default (rootDir) => ({
  rootDir,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/dist/**/*.spec.js'],
  transform: {},
  setupFiles: ['reflect-metadata'],
  testTimeout: 60_000,
  workerIdleMemoryLimit: '768MB',
});
