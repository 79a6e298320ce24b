import { createForeignFetch, type ForeignFetch, ForeignKeys, type ForeignReach, isForeignUrl } from '@gatehouse/authn';
import type { IdpConfigured } from '@gatehouse/contracts';
import * as client from 'openid-client';
import { BoundedCache } from '../bounded-cache.js';
import { refusal } from '../federation-refusals.js';
import type { Providers, StoredProvider } from '../provider/providers.service.js';

const requestSeconds = 5;
const metadataLifetimeMs = 600_000;
const maxCached = 500;

interface Cached {
  readonly configuration: client.Configuration;
  readonly revision: number;
  readonly readAtMs: number;
}

/** Who we are at an issuer. Without a secret we are a public client, which PKCE protects alone. */
export type ClientAt = Pick<IdpConfigured, 'issuer' | 'clientId'> & { readonly secret?: string | undefined };

/**
 * What issuers publish, and our client at each: metadata for ten minutes, keys as {@link ForeignKeys} says. Everything is
 * fetched by `createForeignFetch`, because an administrator of a tenant chose the address.
 */
export class Issuers {
  readonly #providers: Providers;
  readonly #reach: ForeignReach;
  readonly #ownOrigin: string;
  readonly #fetch: ForeignFetch;
  readonly #metadata = new BoundedCache<string, Cached>(maxCached);
  readonly #keys = new BoundedCache<string, ForeignKeys>(maxCached);

  constructor(providers: Providers, reach: ForeignReach, publicUrl: string) {
    this.#ownOrigin = new URL(publicUrl).origin;
    this.#providers = providers;
    this.#reach = reach;
    this.#fetch = createForeignFetch({ ...reach, timeoutMs: requestSeconds * 1_000 });
  }

  /** Whether the text may be an issuer here: an address without user, query or fragment (OpenID Connect Discovery 3). */
  mayBeIssuer(issuer: string): boolean {
    if (!URL.canParse(issuer) || /[?#]|\/\.well-known\//.test(issuer)) return false;
    const url = new URL(issuer);
    // Our own tokens are checked by our own rules, never as somebody else's.
    return url.origin !== this.#ownOrigin && isForeignUrl(url, this.#reach);
  }

  /**
   * Asks the issuer what it is. Every address it names has to be one that issuers may have.
   *
   * @throws Refusal `idp_discovery_failed`: absent, slow, redirecting, too large, of another issuer, or not OpenID
   */
  async discover({ issuer, clientId, secret }: ClientAt): Promise<client.Configuration> {
    const configuration = await client
      .discovery(new URL(issuer), clientId, undefined, authentication(secret), {
        [client.customFetch]: (url, options) => this.#fetch(url, options),
        timeout: requestSeconds,
        execute: this.#reach.loopback ? [client.allowInsecureRequests] : [],
      })
      .catch((cause: unknown) => {
        throw refusal('idp_discovery_failed', cause);
      });
    const problem = this.#problemOf(configuration.serverMetadata(), issuer);
    if (problem !== undefined) throw refusal('idp_discovery_failed', new Error(problem));
    return configuration;
  }

  /** Our client at a provider as it is configured now. @throws Refusal `idp_discovery_failed` */
  async clientOf({ tenantId, config, revision }: StoredProvider, nowMs: number): Promise<client.Configuration> {
    const known = this.#metadata.get(config.idpId);
    if (known?.revision === revision && nowMs - known.readAtMs < metadataLifetimeMs) return known.configuration;
    const secret = await this.#providers.secretOf(tenantId, config.idpId);
    const configuration = await this.discover({ ...config, secret });
    this.#metadata.set(config.idpId, { configuration, revision, readAtMs: nowMs });
    return configuration;
  }

  /** The issuer's published keys. */
  keysAt(jwksUri: string): ForeignKeys {
    return this.#keys.getOrMake(jwksUri, () => new ForeignKeys({ jwksUri, fetch: this.#fetch }));
  }

  #problemOf(metadata: client.ServerMetadata, issuer: string): string | undefined {
    // To the letter: it is what tokens are compared with, and libraries let some well-known issuers differ.
    if (metadata.issuer !== issuer) return 'the metadata is of another issuer';
    for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
      const url = metadata[name];
      if (url === undefined || !URL.canParse(url) || !isForeignUrl(new URL(url), this.#reach))
        return `the metadata has no usable ${name}`;
    }
    return undefined;
  }
}

/** The secret in the header (RFC 6749 2.3.1), or in the body where the issuer reads it there only. */
function authentication(secret: string | undefined): client.ClientAuth {
  if (secret === undefined) return client.None();
  const [inHeader, inBody] = [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)];
  return (server, ...request) => {
    const ways = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (ways.includes('client_secret_basic') ? inHeader : inBody)(server, ...request);
  };
}
