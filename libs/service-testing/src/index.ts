export { IdentityLog } from './identity-log.js';
export {
  type MigrationOptions,
  migrateProgram,
  type ProgramOptions,
  type RunningProgram,
  runProgram,
} from './program.js';
export { PublishedLog } from './published-log.js';
export { type ApprovedDevice, RegistryLog } from './registry-log.js';
export {
  type Answer,
  type Call,
  ServiceStack,
  type ServiceStackOptions,
  type Somebody,
} from './service-stack.js';
