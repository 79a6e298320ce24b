import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { NotAuthenticated, type Principal } from './principal.js';

export interface TokenOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  /** Claim that names the tenant. */
  readonly tenantClaim?: string;
}

const algorithms = ['ES256', 'EdDSA', 'RS256'];
const maxCached = 10_000;

/**
 * Checks JWT access tokens against the issuer's published keys, which are cached and fetched again (at most twice a
 * minute) when a token names an unknown one. A verified token is remembered until it expires.
 */
export function createTokenVerifier(options: TokenOptions): (token: string, nowMs: number) => Promise<Principal> {
  const keys = createRemoteJWKSet(new URL(options.jwksUrl), { cooldownDuration: 30_000, timeoutDuration: 3_000 });
  const verified = new Map<string, { principal: Principal; expiresAtMs: number }>();
  const tenantClaim = options.tenantClaim ?? 'tenant';

  return async (token, nowMs) => {
    const known = verified.get(token);
    if (known && known.expiresAtMs > nowMs) return known.principal;
    const { payload } = await jwtVerify(token, keys, {
      issuer: options.issuer,
      audience: options.audience,
      algorithms,
      requiredClaims: ['sub', 'exp'],
      clockTolerance: 5,
      currentDate: new Date(nowMs),
    }).catch((error: Error) => {
      throw new NotAuthenticated(failureOf(error));
    });
    const principal = toPrincipal(payload, tenantClaim);
    // Oldest out first: the map keeps insertion order, and a full cache costs a verification, never memory.
    if (verified.size >= maxCached) verified.delete(verified.keys().next().value ?? '');
    verified.set(token, { principal, expiresAtMs: (payload.exp ?? 0) * 1_000 });
    return principal;
  };
}

const failureOf = (error: Error) => {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWKSTimeout || /fetch|ECONN|Expected 200/.test(error.message)) return 'not_ready';
  return 'unknown';
};

function toPrincipal(payload: JWTPayload, tenantClaim: string): Principal {
  const tenantId = payload[tenantClaim];
  if (typeof tenantId !== 'string' || !payload.sub) throw new NotAuthenticated('unknown');
  return { type: 'user', id: payload.sub, tenantId };
}
