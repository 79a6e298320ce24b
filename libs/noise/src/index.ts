export { type Handshake, NoiseError, type NoiseErrorCode, type Transport } from './noise.js';
