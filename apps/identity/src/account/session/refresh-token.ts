import { randomBytes } from 'node:crypto';
import { keyFingerprint, type Pepper } from '@gatehouse/crypto';

const prefix = 'grt_';
const pattern = /^grt_[A-Za-z0-9_-]{43}$/;

/** How long a used refresh token still gives its one successor: for an answer that was lost, or two open tabs. */
export const graceMs = 10_000;

export const newRefreshToken = (): string => prefix + randomBytes(32).toString('base64url');

export const isRefreshToken = (text: string): boolean => pattern.test(text);

export const newSalt = (): Buffer => randomBytes(16);

/**
 * The token that follows this one. It is computed, not drawn, so that a client whose answer was lost can be given the
 * same again, and there is never more than one chain: whoever else holds the used token gets no branch of his own, and
 * the second use of the successor still shows the theft. Without the pepper and the row's salt it cannot be computed.
 */
export const successorOf = (pepper: Pepper, token: string, salt: Uint8Array): string =>
  prefix +
  keyFingerprint(pepper, `gatehouse.refresh.v1\0${Buffer.from(salt).toString('base64')}\0${token}`).toString(
    'base64url',
  );

export interface StoredToken {
  readonly usedAt?: Date;
  readonly successorUsed: boolean;
}

/** `rotate` a fresh one, `repeat` the answer to one that was used just now, or end the session: somebody has a copy. */
export function judgeRefresh({ usedAt, successorUsed }: StoredToken, nowMs: number): 'rotate' | 'repeat' | 'reuse' {
  if (!usedAt) return 'rotate';
  return !successorUsed && nowMs - usedAt.getTime() < graceMs ? 'repeat' : 'reuse';
}
