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
