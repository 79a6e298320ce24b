import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWK,
  type JWSHeaderParameters,
} from 'jose';
import { z } from 'zod';
import type { ForeignFetch } from './foreign-fetch.js';
import { NotAuthenticated } from './principal.js';

/** Signed with a key that only the issuer has: a shared secret, or the public key taken for one, signs nothing here. */
export const foreignAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

export interface ForeignKeysOptions {
  readonly jwksUri: string;
  readonly fetch: ForeignFetch;
  /** Age at which keys are fetched again while the old ones go on, 10 minutes unless given. */
  readonly refreshMs?: number;
  /** Age at which keys that could not be fetched again count no longer, a day unless given. */
  readonly forgetMs?: number;
  /** Shortest time between two fetches for keys that nobody knows, 30 s unless given. */
  readonly cooldownMs?: number;
}

type LocalKeys = ReturnType<typeof createLocalJWKSet>;

const maxKeys = 100;
const retryMs = 5_000;
const asymmetric = new Set(['RSA', 'EC', 'OKP']);
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(maxKeys) });

/**
 * The published keys of one issuer (RFC 7517). They outlive an outage of the issuer for a day. A token that names an
 * unknown key makes one fetch, and then none for `cooldownMs` (5 s after a fetch that failed), whoever sends how many of them.
 */
export class ForeignKeys {
  readonly #options: Required<ForeignKeysOptions>;
  #keys: LocalKeys | undefined;
  #fetchedAtMs = 0;
  /** Absent while the last fetch was a success. */
  #failedAtMs: number | undefined;
  #soughtAtMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;
  /** How often the set was fetched and was another one than before: what was verified with it may be void. */
  #generation = 0;
  #text = '';

  constructor(options: ForeignKeysOptions) {
    this.#options = { refreshMs: 600_000, forgetMs: 86_400_000, cooldownMs: 30_000, ...options };
  }

  get generation(): number {
    return this.#generation;
  }

  /**
   * The key that a token's header names.
   *
   * @param nowMs Unix time in milliseconds
   * @throws NotAuthenticated `unknown` when the issuer has no such key, `not_ready` when it could not be asked
   */
  async find(header: JWSHeaderParameters, nowMs: number): Promise<CryptoKey> {
    const keys = await this.#current(nowMs);
    const key = await pick(keys, header);
    if (key) return key;
    // Sooner again while the issuer is away: its new key shall work soon after it is back.
    const pauseMs = this.#failedAtMs === undefined ? this.#options.cooldownMs : retryMs;
    if (nowMs - this.#soughtAtMs < pauseMs) throw this.#absent();
    this.#soughtAtMs = nowMs;
    await this.#fetch(nowMs);
    const found = await pick(this.#loaded(), header);
    if (!found) throw this.#absent();
    return found;
  }

  /** While the issuer cannot be asked, nobody knows whether it has a new key. */
  #absent(): NotAuthenticated {
    return new NotAuthenticated(this.#failedAtMs === undefined ? 'unknown' : 'not_ready');
  }

  async #current(nowMs: number): Promise<LocalKeys> {
    const { refreshMs, forgetMs } = this.#options;
    const age = nowMs - this.#fetchedAtMs;
    const mayTry = nowMs - (this.#failedAtMs ?? Number.NEGATIVE_INFINITY) >= retryMs;
    if (this.#keys && age < forgetMs) {
      // In the background: nobody waits for an issuer whose keys are known.
      if (age >= refreshMs && mayTry) void this.#fetch(nowMs);
      return this.#keys;
    }
    this.#keys = undefined;
    if (mayTry || this.#fetching) await this.#fetch(nowMs);
    return this.#loaded();
  }

  #loaded(): LocalKeys {
    if (!this.#keys) throw new NotAuthenticated('not_ready');
    return this.#keys;
  }

  /** One at a time, shared by all who wait. Never throws: a failure is remembered. */
  #fetch(nowMs: number): Promise<void> {
    this.#fetching ??= this.#load(nowMs)
      .catch(() => {
        this.#failedAtMs = nowMs;
      })
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }

  async #load(nowMs: number): Promise<void> {
    const response = await this.#options.fetch(this.#options.jwksUri, { headers: { accept: 'application/json' } });
    if (response.status !== 200) throw new Error(`the issuer answered ${response.status} for its keys`);
    const { keys } = keySet.parse(await response.json());
    const usable = keys.filter(({ kty }) => asymmetric.has(kty));
    const text = JSON.stringify(usable);
    if (text !== this.#text) this.#generation += 1;
    this.#text = text;
    this.#keys = createLocalJWKSet({ keys: usable as JWK[] } satisfies JSONWebKeySet);
    this.#fetchedAtMs = nowMs;
    this.#failedAtMs = undefined;
  }
}

/** Undefined for a key that is not there; a header that fits several keys names none. */
async function pick(keys: LocalKeys, header: JWSHeaderParameters): Promise<CryptoKey | undefined> {
  try {
    return await keys(header, { payload: '', signature: '' });
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return undefined;
    throw new NotAuthenticated('unknown');
  }
}
