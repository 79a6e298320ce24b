import { createHash } from 'node:crypto';
import { constantTimeEqual } from '@gatehouse/crypto';
import { type Adapter, type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { SigningKey, SigningKeys } from '../../signing-key/signing-keys.service.js';
import { cliClient } from '../client/built-in-client.js';
import { clientMetadata } from '../client/client-metadata.js';
import { secretFingerprint } from '../client/clients.service.js';
import { deviceRequester } from '../device/device-requester.js';
import { tokenExchangeGrant } from '../exchange/exchange.js';
import { exchangeParameters, type TokenExchange } from '../exchange/token-exchange.service.js';
import { derivedKey } from '../record/sealed-record.js';
import type { Accounts } from './accounts.service.js';
import { type ConfigurationParts, configurationOf } from './configuration.js';
import type { OwnAnswers } from './own-answers.service.js';
import { apiScopes, factsOf, type TokenClaims } from './token-claims.service.js';

export interface ProvidersParts {
  readonly issuer: string;
  readonly signingKeys: SigningKeys;
  readonly pepper: Parameters<typeof derivedKey>[0];
  readonly seconds: ConfigurationParts['seconds'];
  readonly adapter: (model: string) => Adapter;
  readonly accounts: Accounts;
  readonly claims: TokenClaims;
  readonly exchange: TokenExchange;
  readonly ownAnswers: OwnAnswers;
  readonly onError: (error: Error) => void;
}

/**
 * The OpenID provider, made anew whenever other keys sign: the library takes its keys once. Nothing else is in it, so
 * swapping it loses nothing, and a request goes on with the provider it began with.
 */
export class Providers {
  readonly #parts: ProvidersParts;
  #made: { readonly keys: string; readonly provider: Provider } | undefined;

  constructor(parts: ProvidersParts) {
    this.#parts = parts;
  }

  /** @throws Error while no signing key is loaded: the service is not ready then */
  current(nowMs: number): Provider {
    const { signingKeys } = this.#parts;
    const signing = signingKeys.current(nowMs);
    const keys = [signing.kid, ...signingKeys.all.map(({ kid }) => kid)].join();
    if (this.#made?.keys !== keys) this.#made = { keys, provider: this.#make(signing) };
    return this.#made.provider;
  }

  #make(signing: SigningKey): Provider {
    const { issuer, accounts, claims, exchange, ownAnswers, onError } = this.#parts;
    const provider = new Provider(issuer, this.#configuration(signing));
    // Behind our own handler, which says who asks and at which address: see `oidc.controller.ts`.
    provider.proxy = true;
    provider.registerGrantType(tokenExchangeGrant, (ctx) => exchange.handle(ctx), exchangeParameters);
    provider.use((ctx, next) => ownAnswers.complete(ctx as KoaContextWithOIDC, next));
    provider.on('server_error', (_ctx, error) => onError(error));
    compareByHmac(provider, this.#parts.pepper);
    void [accounts, claims];
    return provider;
  }

  #configuration(signing: SigningKey): Configuration {
    const { issuer, signingKeys, pepper, seconds, adapter, accounts, claims } = this.#parts;
    const others = signingKeys.all.filter(({ kid }) => kid !== signing.kid);
    return configurationOf({
      issuer,
      secure: issuer.startsWith('https:'),
      adapter,
      jwks: { keys: [signing, ...others].map(privateJwk) } as ConfigurationParts['jwks'],
      signing,
      builtInClients: [clientMetadata(cliClient)],
      cookieKeys: [derivedKey(pepper, 'cookies').toString('base64url')],
      dpopNonceSecret: derivedKey(pepper, 'dpop-nonces'),
      seconds,
      findAccount: (ctx, userId, token) => accounts.find(ctx, userId, token),
      loadExistingGrant: (ctx) => accounts.existingGrant(ctx),
      extraTokenClaims: (ctx, token) => claims.of(ctx, token),
      apiScopes: (ctx, client) => apiScopes(ctx, factsOf(client)),
      deviceInfo: (ctx) => deviceRequester(ctx.ip, ctx.get('user-agent')),
    });
  }
}

const privateJwk = ({ privateKey, kid, algorithm }: SigningKey) => ({
  ...privateKey.export({ format: 'jwk' }),
  kid,
  alg: algorithm,
  use: 'sig',
});

interface SecretClient {
  readonly clientSecret?: string;
  compareClientSecret(actual: string): boolean;
}

/** Where the library would compare secrets, HMACs are compared: that is all there is of a secret. */
function compareByHmac(provider: Provider, pepper: Parameters<typeof secretFingerprint>[0]): void {
  const prototype = provider.Client.prototype as unknown as SecretClient;
  prototype.compareClientSecret = function (this: SecretClient, actual) {
    const given = digest(secretFingerprint(pepper, actual));
    const { previous } = factsOf(this);
    const current = constantTimeEqual(given, digest(this.clientSecret ?? ''));
    const overlapping = previous !== undefined && Date.parse(previous.validUntil) > Date.now();
    return current || (overlapping && constantTimeEqual(given, digest(previous.fingerprint)));
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
