import { FormatError } from './errors.js';

/**
 * Standard base64 (RFC 4648 section 4) of some bytes, padded.
 *
 * @example encodeBase64(Uint8Array.of(1)) // 'AQ=='
 */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/**
 * The bytes of a base64 text in its one canonical spelling: alphabet of RFC 4648 section 4, full padding, unused bits zero
 * (section 3.5), no white space. A lenient decoder would let a byte of a signed file change unseen.
 *
 * @throws FormatError for any other spelling
 * @example decodeBase64('AQ==') // Uint8Array [1]; 'AR==' has a set unused bit and is refused
 */
export function decodeBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new FormatError('not canonical base64');
  return new Uint8Array(bytes);
}
