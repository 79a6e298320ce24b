import { createPublicKey } from 'node:crypto';
import { createForeignFetch, ForeignKeys, type ForeignReach, NotAuthenticated } from '@gatehouse/authn';
import { createLocalJWKSet, type JSONWebKeySet, type JWSHeaderParameters, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { LoginRefused } from './logins.service.js';

/** Where the keys of a token's issuer come from. */
export type KeySource =
  | { readonly kind: 'url'; readonly url: string; readonly ca: string }
  | { readonly kind: 'discovery'; readonly url: string; readonly ca: string }
  | { readonly kind: 'pem'; readonly keys: readonly string[] }
  | { readonly kind: 'jwks'; readonly text: string };

const maxRemembered = 1_000;
const discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });
const keySet = z.object({
  keys: z
    .array(
      z.looseObject({ kty: z.enum(['RSA', 'EC', 'OKP']), d: z.undefined({ error: 'is of a private key' }).optional() }),
    )
    .min(1)
    .max(100),
});

/** The keys in a JWK set that is text. A shared secret among them is refused: whoever reads it could sign. @throws Error */
export const localKeys = (text: string) =>
  createLocalJWKSet(keySet.parse(JSON.parse(text)) as unknown as JSONWebKeySet);

/** Public keys of PEM. Which of them signed is tried: PEM names none. @throws Error for what is no public key */
export const pemKeys = (keys: readonly string[]) => keys.map((key) => createPublicKey(key));

/**
 * Keys of issuers that tenants configured: fetched within the bounds of `ForeignFetch`, remembered for as long as the
 * configuration stays the same.
 */
export class TokenKeys {
  readonly #remembered = new Map<string, Promise<ForeignKeys>>();

  constructor(private readonly reach: ForeignReach) {}

  /** @param configId another one with every change of the configuration */
  async finder(configId: string, source: KeySource, nowMs: number): Promise<JWTVerifyGetKey> {
    if (source.kind === 'jwks') return localKeys(source.text);
    if (source.kind === 'pem') throw new Error('PEM keys are tried one by one');
    const keys = await this.#foreign(configId, source);
    return async (header: JWSHeaderParameters) => keys.find(header, nowMs);
  }

  #foreign(configId: string, source: KeySource & { kind: 'url' | 'discovery' }): Promise<ForeignKeys> {
    const known = this.#remembered.get(configId);
    if (known) return known;
    const made = this.#make(source);
    if (this.#remembered.size >= maxRemembered) this.#remembered.delete(this.#remembered.keys().next().value ?? '');
    this.#remembered.set(configId, made);
    made.catch(() => this.#remembered.delete(configId));
    return made;
  }

  async #make({ kind, url, ca }: KeySource & { kind: 'url' | 'discovery' }): Promise<ForeignKeys> {
    const fetch = createForeignFetch({ ...this.reach, ...(ca !== '' && { ca }) });
    if (kind === 'url') return new ForeignKeys({ jwksUri: url, fetch });
    const response = await fetch(`${url.replace(/\/$/, '')}/.well-known/openid-configuration`).catch(() => {
      throw new NotAuthenticated('not_ready');
    });
    if (response.status !== 200) throw new NotAuthenticated('not_ready');
    const { issuer, jwks_uri: jwksUri } = discovery.parse(await response.json());
    // Somebody else's document must not bring its own keys (OpenID Connect Discovery 4.3).
    if (issuer.replace(/\/$/, '') !== url.replace(/\/$/, '')) throw new LoginRefused('issuer');
    return new ForeignKeys({ jwksUri, fetch });
  }
}
