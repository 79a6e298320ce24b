export * from './handle.js';
export { MemoryEventStore } from './memory/memory-event-store.js';
export { Announcer } from './postgres/announcer.js';
export {
  asTenant,
  CommitRefused,
  commit,
  type DatabaseOptions,
  inTransaction,
  openPool,
  type Query,
} from './postgres/database.js';
export { Doorbell } from './postgres/doorbell.js';
export { Exclusive, type ExclusiveOptions, type Held, pause } from './postgres/exclusive.js';
export { GroupCommit, type GroupCommitOptions } from './postgres/group-commit.js';
export { assertLogNotAhead, LogAheadOfServer } from './postgres/log-check.js';
export { type OutboxBatch, OutboxRelay, type OutboxRelayOptions, rewindOutbox } from './postgres/outbox-relay.js';
export {
  type InlineProjection,
  PostgresEventStore,
  type PostgresEventStoreOptions,
} from './postgres/postgres-event-store.js';
export {
  highRate,
  type LogPage,
  parseEnvelope,
  type ReadLogOptions,
  readLog,
  readUpTo,
  readVisible,
  type StorableEvent,
  type StoredEvent,
} from './postgres/rows.js';
export { eventTablesSql, notifyChannel, roleNames, rolesSql, tenantTableSql } from './postgres/schema.js';
export { isTransient, sqlState, violates } from './postgres/transient.js';
export { Wake, type WakeOptions } from './postgres/wake.js';
export * from './store.js';
export { type WrittenEvent, writeEvent } from './write-event.js';
