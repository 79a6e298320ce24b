import type { Envelope, KeyCreated, KeyRotated } from '@gatehouse/contracts';
import type { Decider, NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import { type Key, keyDecider } from '../key.js';
import { assertReach, assertReachesPerson, type Reach } from '../reach.js';

/** The key with the fingerprint of its text, which the key alone forgets. */
export interface RotatingKey {
  readonly key: Key;
  readonly fingerprint: string;
}

export const rotatingKeyDecider: Decider<RotatingKey> = {
  initialState: { key: keyDecider.initialState, fingerprint: '' },
  evolve: (state, event: Envelope) => ({
    key: keyDecider.evolve(state.key, event),
    fingerprint: (event.data as Partial<KeyCreated>).fingerprint ?? state.fingerprint,
  }),
};

export interface RotateKey {
  readonly caller: Reach;
  readonly fingerprint: string;
  readonly displayPrefix: string;
  /** How long the present text goes on working, in seconds. */
  readonly overlapSeconds: number;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/**
 * Gives a key another text. Whoever does it holds the key afterwards, so it must not be more than he has: nobody rotates
 * the key of another person. @throws Refusal `not_found`, `user_key_of_another`, `user_key_beyond_tenant`, `key_scopes_too_wide`, `key_expiry_passed`
 */
export function rotateKey(command: RotateKey, { key, fingerprint }: RotatingKey): readonly NewEvent[] {
  if (key.status === 'none') throw new Refusal('not_found');
  const { caller, now, overlapSeconds } = command;
  if (key.family === 'mau') {
    if (caller.type !== 'user' || caller.id !== key.principal.id) throw new Refusal('user_key_of_another');
    assertReachesPerson(caller);
  }
  assertReach(caller, key.scopes);
  if (key.expiresAt !== undefined && Date.parse(key.expiresAt) <= now) throw new Refusal('key_expiry_passed');
  const data: KeyRotated = {
    keyId: key.keyId,
    fingerprint: command.fingerprint,
    displayPrefix: command.displayPrefix,
    previousFingerprint: fingerprint,
    previousValidUntil: new Date(now + overlapSeconds * 1_000).toISOString(),
  };
  return [{ type: 'key.rotated', version: 1, data }];
}
