import { randomBytes } from 'node:crypto';
import { keyFingerprint, type Pepper } from '@gatehouse/crypto';

/** 32 random bytes in base64url: what the link of an invitation ends with, and what is kept nowhere. */
export const newInvitationToken = (): string => `giv_${randomBytes(32).toString('base64url')}`;

export const isInvitationToken = (text: string): boolean => /^giv_[A-Za-z0-9_-]{43}$/.test(text);

/** All that is stored of a token. */
export const fingerprintOf = (pepper: Pepper, token: string): string =>
  keyFingerprint(pepper, token).toString('base64');
