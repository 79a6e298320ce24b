import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { type ForeignKeys, foreignAlgorithms } from './foreign-keys.js';
import { NotAuthenticated } from './principal.js';

/** What a token says, once its signature was verified. */
export interface ForeignClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** How the issuer recognised the person (RFC 8176). */
  readonly methods: readonly string[];
}

interface Verified {
  readonly claims: ForeignClaims;
  readonly keys: ForeignKeys;
  readonly generation: number;
  readonly untilMs: number;
}

const maxCached = 10_000;
/** A key that the issuer withdrew verifies nothing for longer than this, whatever is remembered. */
const rememberedMs = 300_000;

/** What a token says of its issuer. Nothing is verified; undefined for text that is no token. */
export function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** Verifies tokens of other issuers, and remembers for a while which it has verified with which keys. */
export class ForeignTokens {
  readonly #verified = new Map<string, Verified>();

  /** @throws NotAuthenticated */
  async verify(token: string, keys: ForeignKeys, nowMs: number): Promise<ForeignClaims> {
    const known = this.#verified.get(token);
    if (known && known.keys === keys && known.generation === keys.generation && known.untilMs > nowMs)
      return known.claims;
    const { payload } = await jwtVerify(token, (header) => keys.find(header, nowMs), {
      algorithms: foreignAlgorithms,
      requiredClaims: ['iss', 'sub', 'aud', 'exp'],
      clockTolerance: 5,
      currentDate: new Date(nowMs),
    }).catch((error: unknown) => {
      throw error instanceof NotAuthenticated ? error : new NotAuthenticated(failureOf(error));
    });
    const claims = readClaims(payload);
    // Oldest out first: a full cache costs a verification, never memory.
    if (this.#verified.size >= maxCached) this.#verified.delete(this.#verified.keys().next().value ?? '');
    const untilMs = Math.min((payload.exp ?? 0) * 1_000, nowMs + rememberedMs);
    this.#verified.set(token, { claims, keys, generation: keys.generation, untilMs });
    return claims;
  }
}

const failureOf = (error: unknown) => (error instanceof errors.JWTExpired ? 'expired' : 'unknown');

/**
 * An identity token is for its client and no credential here (Keycloak says `typ: ID` in it), and a token that is bound
 * to a key of its holder (RFC 9449, RFC 8705) is stolen where that key is not shown.
 */
function readClaims(payload: JWTPayload): ForeignClaims {
  const { iss = '', sub = '', aud, amr, cnf, typ } = payload;
  if (sub === '' || cnf !== undefined || typ === 'ID') throw new NotAuthenticated('unknown');
  return { issuer: iss, subject: sub, audiences: [aud ?? []].flat(), methods: textsIn(amr) };
}

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string').slice(0, 8) : [];
