import type { KeyObject } from 'node:crypto';
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { DpopProofs } from './dpop.js';
import { NotAuthenticated, type Principal, type SentProof } from './principal.js';

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

/** Checks one access token, and the proof it came with. @throws NotAuthenticated */
export type VerifyToken = (token: string, nowMs: number, sent?: SentProof) => Promise<Principal>;

interface Verified {
  readonly principal: Principal;
  readonly expiresAtMs: number;
  /** Thumbprint of the key the token is bound to (`cnf.jkt`); undefined for a bearer token. */
  readonly boundTo: string | undefined;
}

/**
 * Checks JWT access tokens against the issuer's published keys, which are cached and fetched again (at most twice a
 * minute) when a token names an unknown one. A verified token is remembered until it expires.
 */
export function createTokenVerifier(options: TokenOptions): VerifyToken {
  const keys = options.keys ?? remoteKeys(options.jwksUrl);
  const verified = new Map<string, Verified>();
  const proofs = new DpopProofs();
  const { origin } = new URL(options.issuer);

  const check = async (token: string, nowMs: number): Promise<Verified> => {
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
    const principal = toPrincipal(payload, options.tenantClaim ?? 'tenant');
    const found = { principal, expiresAtMs: (payload.exp ?? 0) * 1_000, boundTo: readBinding(payload) };
    // Oldest out first: the map keeps insertion order, and a full cache costs a verification, never memory.
    if (verified.size >= maxCached) verified.delete(verified.keys().next().value ?? '');
    verified.set(token, found);
    return found;
  };

  return async (token, nowMs, sent) => {
    const known = verified.get(token);
    const { principal, boundTo } = known && known.expiresAtMs > nowMs ? known : await check(token, nowMs);
    if (boundTo === undefined && sent === undefined) return principal;
    // Bound to a key of its holder (RFC 9449): as a bare bearer token it is stolen. And a proof proves nothing of a token
    // that anybody may hold. The token comes first, so that only holders of a good one can fill the memory of proofs.
    if (boundTo === undefined || sent === undefined) throw new NotAuthenticated('unknown');
    const url = `${origin}${sent.path}`;
    const { thumbprint } = await proofs.verify(sent.proof, { method: sent.method, url, nowMs, accessToken: token });
    if (thumbprint !== boundTo) throw new NotAuthenticated('unknown');
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
 * `permissions` it may what its principal may: tokens of our own sign-in. `tenant_fixed`: it opens no other tenant.
 */
function toPrincipal(payload: JWTPayload, tenantClaim: string): Principal {
  const { [tenantClaim]: tenantId, principal, permissions, sid, sub, amr, tenant_fixed: tenantFixed } = payload;
  if (typeof tenantId !== 'string' || !sub) throw new NotAuthenticated('unknown');
  return {
    type: principal === 'service' ? 'service' : 'user',
    id: sub,
    tenantId,
    // Only tokens of clients are limited: they were given for one tenant, by whoever consented.
    ...(permissions !== undefined && { scopes: readPatterns(permissions), tenantFixed: true }),
    // Given by a provider that only this tenant trusts.
    ...(tenantFixed !== undefined && { tenantFixed: true }),
    ...(typeof sid === 'string' && { sessionId: sid }),
    ...(amr !== undefined && { methods: readPatterns(amr) }),
  };
}

/** What a token is bound to. A binding of another kind than ours cannot be proved here: nobody may use the token. */
function readBinding({ cnf }: JWTPayload): string | undefined {
  if (cnf === undefined) return undefined;
  const { jkt, ...others } = cnf as { jkt?: unknown };
  if (typeof jkt !== 'string' || Object.keys(others).length > 0) throw new NotAuthenticated('unknown');
  return jkt;
}

/** Anything but a list of texts permits nothing. */
const readPatterns = (value: unknown): readonly string[] =>
  Array.isArray(value) && value.every((pattern) => typeof pattern === 'string') ? value : [];
