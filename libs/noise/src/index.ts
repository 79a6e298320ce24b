export { type Handshake, type HandshakeOptions, type InitiatorOptions, initiator, responder } from './handshake.js';
export { keyPairOf, noblePrimitives } from './noble-primitives.js';
export {
  type KeyPair,
  keyBytes,
  maxMessageBytes,
  NoiseError,
  type NoiseErrorCode,
  type Primitives,
  type SealPlace,
  tagBytes,
} from './noise.js';
export { maxRecordText, recordLengthBytes, sealOverhead, type Transport, type TransportOptions } from './transport.js';
