export { Backoff, type BackoffOptions } from './backoff.js';
export { giveBlock, takeBlock } from './blocks.js';
export { type ByteStream, type StreamEnd, StreamReset } from './byte-stream.js';
export type {
  Carrier,
  CarrierKind,
  CarrierLimits,
  CarrierStats,
  ConnectOptions,
  Listener,
  ListenOptions,
  TlsTrust,
} from './carrier.js';
export { connect } from './connect.js';
export { fromDuplex, toDuplex } from './duplex.js';
export { listen } from './listen.js';
export { type Pipe, pipe } from './pipe.js';
export { isQuicAvailable } from './quic/native.js';
export { decodeReason, encodeReason, maxReasonBytes } from './stream-end.js';
