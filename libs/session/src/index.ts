export { type FrameStream, frameJson, frameStream, type ServedSession, type SessionHandlers } from './frame-stream.js';
export {
  type DeviceAction,
  deviceActions,
  type GrantClaims,
  type GrantScope,
  grantClaims,
  grantScope,
} from './grant.js';
export {
  commandHash,
  GrantError,
  type GrantErrorCode,
  type GrantExpectation,
  type GrantKey,
  type GrantKeyRing,
  grantKeyOf,
  grantKeyRing,
  grantSkewSeconds,
  maxGrantLength,
  signGrant,
  verifyGrant,
} from './grants.js';
export * from './hello.js';
export { memoryStreams } from './memory-streams.js';
export { MessageStream, maxMessageBytes } from './message-stream.js';
export * from './messages.js';
export { nodePrimitives } from './node-primitives.js';
export { type Attachment, type ResumableOptions, ResumableStream, resumeWindow } from './resumable-stream.js';
