export {
  type BusOptions,
  connectBus,
  createNatsUser,
  isVersionAtLeast,
  minServerVersion,
  NatsTooOld,
} from './connect.js';
export { type ConsumeOptions, Consumption, maxBytesAtOnce } from './consume.js';
export { ensureTopology } from './ensure-topology.js';
export {
  type BatchEvent,
  batchMessageId,
  batchSubject,
  decodeBatch,
  type EventBatch,
  encodeBatch,
  MalformedBatch,
  type ReceivedBatch,
  type ReceivedEvent,
} from './event-batch.js';
export { inboxPrefix, permissionsOf, renderNatsAuthorization } from './permissions.js';
export { createPublisher } from './publish.js';
export { call, type RpcContract, RpcError, type ServeOptions, serve } from './rpc.js';
export { SharedCalls, type SharedCallsOptions } from './shared-calls.js';
export {
  ackWaitMs,
  type DurableConsumer,
  durableConsumers,
  eventStream,
  rpcSubject,
  type ServiceName,
  serviceCalls,
  services,
} from './topology.js';
