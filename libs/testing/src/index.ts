export {
  freePort,
  freePortBlock,
  processIdentity,
  type SupervisedChild,
  superviseChild,
} from '@gatehouse/local-servers';
export { startBrowser } from './chromium.js';
export { fuzzCases, fuzzSeed, SeededRandom } from './fuzz.js';
export { MemoryCourse } from './memory-course.js';
export { openTestDatabases } from './shared-postgres.js';
export { type TempDir, tempDir } from './temp-dir.js';
export { startTestNats, type TestNats, type TestNatsOptions } from './test-nats.js';
export {
  startTestPostgres,
  type Template,
  type TestDatabases,
  type TestPostgres,
  type TestPostgresOptions,
} from './test-postgres.js';
export { type WaitOptions, waitFor } from './wait-for.js';
