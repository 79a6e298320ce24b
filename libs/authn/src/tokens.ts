import type { KeyObject } from 'node:crypto';
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { NotAuthenticated, type Principal } from './principal.js';

export interface TokenOptions {
  readonly issuer: string;
  readonly audience: string;
  /** What `typ` in the header must say (RFC 8725 3.11); absent: anything. */
  readonly typ?: string;
  /** Where the issuer publishes its keys, or how to find one that a token's header names. */
  readonly jwksUrl?: string;
  readonly keys?: (header: { readonly kid?: string; readonly alg?: string }) => KeyObject | Promise<KeyObject>;
  /** Claim that names the tenant. */
  readonly tenantClaim?: string;
}

/** Who our access tokens are for: every service of an installation. */
export const tokenAudience = 'urn:gatehouse:api';

const algorithms = ['ES256', 'EdDSA', 'RS256'];
const maxCached = 10_000;

/**
 * Checks JWT access tokens against the issuer's published keys, which are cached and fetched again (at most twice a
 * minute) when a token names an unknown one. A verified token is remembered until it expires.
 */
export function createTokenVerifier(options: TokenOptions): (token: string, nowMs: number) => Promise<Principal> {
  const keys = options.keys ?? remoteKeys(options.jwksUrl);
  const verified = new Map<string, { principal: Principal; expiresAtMs: number }>();
  const tenantClaim = options.tenantClaim ?? 'tenant';

  return async (token, nowMs) => {
    const known = verified.get(token);
    if (known && known.expiresAtMs > nowMs) return known.principal;
    const { payload } = await jwtVerify(token, keys, {
      issuer: options.issuer,
      audience: options.audience,
      algorithms,
      ...(options.typ !== undefined && { typ: options.typ }),
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

function remoteKeys(url: string | undefined): JWTVerifyGetKey {
  if (!url) throw new Error('tokens cannot be checked without jwksUrl or keys');
  return createRemoteJWKSet(new URL(url), { cooldownDuration: 30_000, timeoutDuration: 3_000 });
}

const failureOf = (error: Error) => {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWKSTimeout || /fetch|ECONN|Expected 200/.test(error.message)) return 'not_ready';
  return 'unknown';
};

/**
 * Claims of an access token beyond RFC 9068: `tenant`, `principal` (`user` unless it says `service`), `sid`, `amr`
 * (RFC 8176), and `permissions`: action patterns the token is limited to, an empty list permitting nothing. Without
 * `permissions` it may what its principal may: tokens of our own sign-in.
 */
function toPrincipal(payload: JWTPayload, tenantClaim: string): Principal {
  const { [tenantClaim]: tenantId, principal, permissions, sid, sub, amr } = payload;
  if (typeof tenantId !== 'string' || !sub) throw new NotAuthenticated('unknown');
  // Bound to a key of its holder (RFC 9449): as a bare bearer token it is stolen.
  if (payload.cnf !== undefined) throw new NotAuthenticated('unknown');
  return {
    type: principal === 'service' ? 'service' : 'user',
    id: sub,
    tenantId,
    // Only tokens of clients are limited: they were given for one tenant, by whoever consented.
    ...(permissions !== undefined && { scopes: readPatterns(permissions), tenantFixed: true }),
    ...(typeof sid === 'string' && { sessionId: sid }),
    ...(amr !== undefined && { methods: readPatterns(amr) }),
  };
}

/** Anything but a list of texts permits nothing. */
const readPatterns = (value: unknown): readonly string[] =>
  Array.isArray(value) && value.every((pattern) => typeof pattern === 'string') ? value : [];
