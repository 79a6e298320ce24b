import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { satelliteTokenType } from '../satellite-token.js';

/** Why a token is not valid. The words are those the documents promise; the texts are for people. */
export const verifyErrors = {
  invalid_token_format: 'The token is not a JWT',
  decode_error: 'The token cannot be decoded',
  missing_kid: 'The token names no key',
  unknown_key: 'The token names a key that is not ours',
  invalid_signature: 'The signature does not match',
  token_expired: 'The token has expired',
  audience_mismatch: 'The token is for another audience',
  invalid_issuer: 'The token is from another issuer',
  invalid_token: 'The token is not one for an audience',
  invalid_user_id: 'The token speaks of nobody that we could know',
  user_not_found: 'There is no such person or service',
  user_inactive: 'The person or service may not act any more',
  idp_not_configured: 'No key to check tokens with is loaded',
  verification_error: 'The token cannot be checked',
} as const;
export type VerifyError = keyof typeof verifyErrors;

export type Checked =
  | { readonly valid: true; readonly claims: JWTPayload }
  | { readonly valid: false; readonly error: VerifyError };

export interface CheckOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: JWTVerifyGetKey;
  /** Unix time in milliseconds. */
  readonly nowMs: number;
}

const threeParts = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const algorithms = ['ES256', 'EdDSA', 'RS256'];
const requiredClaims = ['iss', 'sub', 'aud', 'iat', 'exp', 'jti', 'role'];

/** Form, key, signature, type, claims, time: the first that is wrong is the answer. */
export async function checkToken(token: string, options: CheckOptions): Promise<Checked> {
  const { issuer, audience, keys, nowMs } = options;
  if (!threeParts.test(token)) return invalid('invalid_token_format');
  const header = headerOf(token);
  if (!header) return invalid('decode_error');
  if (typeof header.kid !== 'string' || header.kid === '') return invalid('missing_kid');
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      typ: satelliteTokenType,
      algorithms,
      requiredClaims,
      currentDate: new Date(nowMs),
    });
    return { valid: true, claims: payload };
  } catch (error) {
    return invalid(wordFor(error));
  }
}

const invalid = (error: VerifyError): Checked => ({ valid: false, error });

function headerOf(token: string) {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

const words: Readonly<Record<string, VerifyError>> = {
  ERR_JWKS_NO_MATCHING_KEY: 'unknown_key',
  ERR_JWKS_TIMEOUT: 'idp_not_configured',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'invalid_signature',
  ERR_JWT_EXPIRED: 'token_expired',
  ERR_JWS_INVALID: 'decode_error',
  ERR_JWT_INVALID: 'decode_error',
  ERR_JOSE_ALG_NOT_ALLOWED: 'unknown_key',
};
const claimWords: Readonly<Record<string, VerifyError>> = { iss: 'invalid_issuer', aud: 'audience_mismatch' };

function wordFor(error: unknown): VerifyError {
  if (error instanceof errors.JWTClaimValidationFailed) return claimWords[error.claim] ?? 'invalid_token';
  return words[(error as { code?: string }).code ?? ''] ?? 'verification_error';
}
