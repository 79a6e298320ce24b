export { readAsTenant } from './database.js';
export type { Command, Composition, ServiceDefinition } from './definition.js';
export { mapDomainError } from './domain-errors.js';
export { type MigrationClass, migrate } from './migrate.js';
export { type ConsumeOptions, Platform } from './platform.js';
export { type RunningService, runService, startService } from './run-service.js';
export { type PlatformSettings, platformSettings } from './settings.js';
export { type StatusProfile, statusProfiles, toProblem } from './status-profile.js';
export { PLATFORM } from './tokens.js';
