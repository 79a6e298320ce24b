import { timingSafeEqual } from 'node:crypto';
import { isWellFormed } from './well-formed.js';

/**
 * Whether two secrets are equal, in a time that depends on their lengths and not on where they differ.
 *
 * Text is compared as UTF-8; text that is not well-formed Unicode equals nothing. The length is not hidden: our keys
 * and tags have public lengths. Compare fingerprints where it must be.
 *
 * @example constantTimeEqual(expectedState, request.query.state)
 */
export function constantTimeEqual(a: string | Uint8Array, b: string | Uint8Array): boolean {
  if ((typeof a === 'string' && !isWellFormed(a)) || (typeof b === 'string' && !isWellFormed(b))) return false;
  const left = typeof a === 'string' ? Buffer.from(a, 'utf8') : a;
  const right = typeof b === 'string' ? Buffer.from(b, 'utf8') : b;
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}
