import { tokenExchangeGrant } from '../exchange/exchange.js';
import type { ClientFacts } from './client.js';

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** A client as `oidc-provider` reads it (RFC 7591). Our own facts travel along under `gatehouse`. */
export function clientMetadata(client: ClientFacts): Record<string, unknown> {
  return {
    client_id: client.clientId,
    client_name: client.title,
    application_type: client.kind === 'native' ? 'native' : 'web',
    grant_types: grantTypesOf(client),
    response_types: client.redirectUris.length > 0 ? ['code'] : [],
    redirect_uris: client.redirectUris,
    ...(client.scopes.length > 0 && client.kind !== 'service' && { scope: client.scopes.join(' ') }),
    token_endpoint_auth_method: authMethods[client.auth],
    // The HMAC in the place of the secret: comparing is ours, see `providers.service.ts`.
    ...(client.fingerprint !== undefined && { client_secret: client.fingerprint }),
    ...(client.jwks && { jwks: client.jwks }),
    dpop_bound_access_tokens: client.requireDpop,
    gatehouse: client,
  };
}

const authMethods = { secret: 'client_secret_basic', private_key_jwt: 'private_key_jwt', none: 'none' } as const;

function grantTypesOf({ kind, redirectUris, scopes, deviceFlow, exchangeFrom }: ClientFacts): readonly string[] {
  if (kind === 'service') return ['client_credentials', ...(exchangeFrom.length > 0 ? [tokenExchangeGrant] : [])];
  return [
    ...(redirectUris.length > 0 ? ['authorization_code'] : []),
    ...(scopes.includes('offline_access') ? ['refresh_token'] : []),
    ...(deviceFlow ? [deviceGrant] : []),
  ];
}
