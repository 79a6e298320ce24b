import { randomBytes } from 'node:crypto';
import { constantTimeEqual, keyFingerprint, messageCode, type Pepper } from '@gatehouse/crypto';

/** `gvt_`: token of the vault. `gvw_`: opens one wrapped answer. `gvs_`: a secret id of an AppRole. */
export type TokenFamily = 'gvt_' | 'gvw_' | 'gvs_';

const randomLength = 32;
const tagLength = 8;
const body = /^[A-Za-z0-9_-]{53}[AQgw]$/;

/** What only we could have written behind these random bytes. 64 bits: a guess costs its guesser a call. */
const tagOf = (pepper: Pepper, family: TokenFamily, random: Uint8Array): Buffer => {
  const code = messageCode(pepper, 'vault.token', `${family}${Buffer.from(random).toString('base64url')}`);
  return Buffer.from(code, 'base64url').subarray(0, tagLength);
};

/**
 * A new token: its family and 40 bytes in base64url, 32 of them random and 8 that tell our own tokens from anything else,
 * so that texts made up by strangers are refused without asking the database. Show it once; store {@link hashOf}.
 */
export function newToken(pepper: Pepper, family: TokenFamily): string {
  const random = randomBytes(randomLength);
  return family + Buffer.concat([random, tagOf(pepper, family, random)]).toString('base64url');
}

/** Whether a text has the form of a token and the tag that ours have. It says nothing of whether the token lives. */
export function isOurs(pepper: Pepper, family: TokenFamily, text: string): boolean {
  if (!text.startsWith(family) || !body.test(text.slice(family.length))) return false;
  const bytes = Buffer.from(text.slice(family.length), 'base64url');
  return constantTimeEqual(bytes.subarray(randomLength), tagOf(pepper, family, bytes.subarray(0, randomLength)));
}

/** All that is stored of a token, 32 bytes. */
export const hashOf = (pepper: Pepper, token: string): Buffer => keyFingerprint(pepper, token);
