import { NotAuthenticated } from '@gatehouse/authn';
import { unavailable } from '@gatehouse/http';
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { LoginRefused } from './logins.service.js';
import { type KeySource, pemKeys, type TokenKeys } from './token-keys.js';

export interface TokenCheck {
  readonly configId: string;
  readonly source: KeySource;
  /** Empty: any of those that only an issuer can sign with. */
  readonly algorithms: readonly string[];
  /** Empty: any. */
  readonly issuer: string;
  readonly nowMs: number;
}

/** Clocks differ by this much. */
const clockTolerance = 30;

/**
 * The claims of a token whose signature, time and issuer are right; its audience is the role's to judge.
 *
 * @throws LoginRefused; ProblemError `unavailable` when the issuer cannot be asked for its keys
 */
export async function verifyToken(keys: TokenKeys, token: string, check: TokenCheck): Promise<JWTPayload> {
  const options: JWTVerifyOptions = {
    algorithms: [...check.algorithms],
    requiredClaims: ['exp', 'aud', 'sub'],
    clockTolerance,
    currentDate: new Date(check.nowMs),
    ...(check.issuer !== '' && { issuer: check.issuer }),
  };
  try {
    if (check.source.kind === 'pem') return await verifyWithAny(check.source.keys, token, options);
    const finder = await keys.finder(check.configId, check.source, check.nowMs);
    return (await jwtVerify(token, finder, options)).payload;
  } catch (error) {
    if (error instanceof NotAuthenticated && error.failure === 'not_ready')
      throw unavailable('The issuer cannot be asked for its keys', 5, error);
    throw error instanceof LoginRefused ? error : new LoginRefused(reasonOf(error));
  }
}

async function verifyWithAny(pems: readonly string[], token: string, options: JWTVerifyOptions): Promise<JWTPayload> {
  let last: unknown = new LoginRefused('signature');
  for (const key of pemKeys(pems)) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      last = error;
      // A signature that is right and a claim that is not: another key changes nothing.
      if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed) throw error;
    }
  }
  throw last;
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `claim_${error.claim}`.slice(0, 32);
  return 'signature';
}
