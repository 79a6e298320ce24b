import { createHash } from 'node:crypto';
import type { DeviceKeys } from '@gatehouse/contracts';
import { type DeviceProofPurpose, verifyDeviceProof } from '@gatehouse/crypto';
import { ProblemError } from '@gatehouse/http';
import { proofSkewMs } from './registration-terms.js';

export interface SignedInput {
  readonly signedAt: string;
  readonly signature: string;
}

/** With what a person compares a device: SHA-256 of its identity key, in hexadecimal. */
export const fingerprintOf = (identityKey: string): string =>
  createHash('sha256').update(Buffer.from(identityKey, 'base64url')).digest('hex');

export const keysOf = ({ identity, session }: { readonly identity: string; readonly session: string }): DeviceKeys => ({
  identity,
  session,
  fingerprint: fingerprintOf(identity),
});

export interface Proof {
  readonly purpose: DeviceProofPurpose;
  readonly identityKey: string;
  readonly publicUrl: string;
  /** What came, with its signature; and what the address of the request said beside it. */
  readonly said: SignedInput & object;
  readonly place?: object;
  /** Unix milliseconds. */
  readonly now: number;
}

/**
 * Lets through what the holder of the identity key said to this Gatehouse within the last minutes.
 *
 * @throws ProblemError `proof_invalid`; `proof_stale`, with our time, so that a device without a clock can set its own
 */
export function assertProof({ purpose, identityKey, publicUrl, said, place, now }: Proof): void {
  const { signature, ...rest } = said;
  if (!verifyDeviceProof(identityKey, purpose, publicUrl, { ...rest, ...place }, signature))
    throw new ProblemError('proof_invalid');
  if (Math.abs(Date.parse(said.signedAt) - now) > proofSkewMs)
    throw new ProblemError('proof_stale', undefined, { members: { now: new Date(now).toISOString() } });
}
