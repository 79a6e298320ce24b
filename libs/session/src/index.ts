export { acceptChannel, type ChannelAcceptance } from './channel/accept-channel.js';
export { type ChannelOpening, openChannel } from './channel/open-channel.js';
export { type Granted, GrantRefused, type GrantRequest, type RequestGrant } from './client/granting.js';
export { confine, confineFiles, isWithinPaths, normalTarget, renews } from './device/confine.js';
export type { DeviceLimits } from './device/served-sessions.js';
export type { TunnelState } from './device/tunnel.js';
export {
  type DialRelay,
  dialRelay,
  hostAndPort,
  type RefusalOfRelay,
  type RelayLine,
  type RelayReach,
  RelayRefused,
} from './dial-relay.js';
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
export {
  type ClientSession,
  type SessionClient,
  type SessionClientOptions,
  type SessionRequest,
  sessionClient,
} from './open-session.js';
export { type Attachment, type ResumableOptions, ResumableStream, resumeWindow } from './resumable-stream.js';
export { type DeviceFacts, type ServeSessionsOptions, type SessionServer, serveSessions } from './serve-sessions.js';
