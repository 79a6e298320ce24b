export { Inbox, type InboxOptions, planBatches } from './inbox.js';
export { applyOrPark, listParked, type ParkedEvent } from './parking.js';
export type { ProjectedEvent, Projection } from './projection.js';
export { type RebuildReport, rebuild } from './rebuild.js';
export { ProjectionRunner, type ProjectionRunnerOptions, toProjected } from './runner.js';
export { projectionTablesSql } from './schema.js';
