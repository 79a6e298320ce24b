export type { FrameStream, ServedSession, SessionHandlers } from './frame-stream.js';
export {
  type DeviceAction,
  deviceActions,
  type GrantClaims,
  type GrantScope,
  grantClaims,
  grantScope,
} from './grant.js';
export * from './hello.js';
export * from './messages.js';
