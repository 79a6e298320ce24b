import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, type JWTPayload, jwtVerify } from 'jose';
import { NotAuthenticated } from './principal.js';

/** What a proof must have been made for. */
export interface ProofFor {
  readonly method: string;
  /** The address as the client wrote it: at the public host, not at the service's own. */
  readonly url: string;
  /** Unix time in milliseconds. */
  readonly nowMs: number;
  /** The access token that it comes with; none at a token endpoint. */
  readonly accessToken?: string;
}

export interface Proof {
  /** RFC 7638 thumbprint of the key that signed it: what `cnf.jkt` of a token must be. */
  readonly thumbprint: string;
  readonly jti: string;
}

export interface DpopOptions {
  /** Most proofs remembered; one more is refused, since it could not be told from a repeated one. */
  readonly maxRemembered?: number;
}

/** Asymmetric only: a proof brings its own key, and a symmetric one would be a secret in a header. */
const algorithms = ['ES256', 'EdDSA', 'RS256'];
/** How far a client's clock may be off, either way. A proof is remembered for as long as it could come again. */
const windowMs = 60_000;
const maxProofLength = 4_096;
const unreserved = /[A-Za-z0-9._~-]/;

const refused = (): NotAuthenticated => new NotAuthenticated('unknown');

/**
 * Checks proofs of possession (RFC 9449, 4.3) and takes each only once. The memory is this process's own: another
 * replica would take a proof once more within the minute, together with a token stolen in the same minute.
 *
 * @example
 * const { thumbprint } = await proofs.verify(header, { method: 'GET', url, nowMs, accessToken });
 */
export class DpopProofs {
  readonly #seen = new Map<string, number>();
  readonly #max: number;

  constructor({ maxRemembered = 100_000 }: DpopOptions = {}) {
    this.#max = maxRemembered;
  }

  /** @throws NotAuthenticated `unknown` for a proof that is wrong, for something else, or used before */
  async verify(proof: string, expected: ProofFor): Promise<Proof> {
    if (proof.length === 0 || proof.length > maxProofLength) throw refused();
    const options = { algorithms, typ: 'dpop+jwt', currentDate: new Date(expected.nowMs) };
    const verified = await jwtVerify(proof, EmbeddedJWK, options).catch(() => {
      throw refused();
    });
    const { jwk } = verified.protectedHeader;
    // A private key in the header is published from now on.
    if (!jwk || 'd' in jwk) throw refused();
    checkClaims(verified.payload, expected);
    const thumbprint = await calculateJwkThumbprint(jwk);
    const { jti } = verified.payload as { jti: string };
    this.#takeOnce(`${thumbprint}:${hash(jti)}`, expected.nowMs);
    return { thumbprint, jti };
  }

  #takeOnce(name: string, nowMs: number): void {
    // In the order in which they came: what is over stands in front.
    for (const [known, untilMs] of this.#seen) {
      if (untilMs > nowMs) break;
      this.#seen.delete(known);
    }
    if (this.#seen.has(name)) throw refused();
    if (this.#seen.size >= this.#max) throw new NotAuthenticated('not_ready');
    this.#seen.set(name, nowMs + 2 * windowMs);
  }
}

function checkClaims({ jti, iat, htm, htu, ath }: JWTPayload, { method, url, nowMs, accessToken }: ProofFor): void {
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) throw refused();
  if (typeof iat !== 'number' || Math.abs(nowMs - iat * 1_000) > windowMs) throw refused();
  if (htm !== method) throw refused();
  if (typeof htu !== 'string' || normalUrl(htu) !== normalUrl(url)) throw refused();
  if (accessToken !== undefined && ath !== hash(accessToken)) throw refused();
}

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');

/**
 * An address in the one form that equal ones have (RFC 3986, 6.2.2 and 6.2.3), without query and fragment, which a proof
 * does not cover; undefined for what is none.
 *
 * @example normalUrl('HTTPS://Gate.example:443/a/%7euser?q') // 'https://gate.example/a/~user'
 */
export function normalUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, host, pathname } = new URL(text);
  const path = pathname.replace(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return unreserved.test(character) ? character : encoded.toUpperCase();
  });
  return `${protocol}//${host}${path}`;
}
