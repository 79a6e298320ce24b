export { Inbox, type InboxOptions } from './inbox.js';
export { applyOrPark, listParked, type ParkedEvent } from './parking.js';
export { type Plan, planBatches } from './plan-batches.js';
export { asInline, type ProjectedEvent, type Projection, toProjected } from './projection.js';
export { type RebuildReport, rebuild } from './rebuild.js';
export { ProjectionRunner, type ProjectionRunnerOptions } from './runner.js';
export { projectionTablesSql } from './schema.js';
