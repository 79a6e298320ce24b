/** Every service behind the gateway. Its address is the setting `UPSTREAM_<NAME>`. */
export const upstreamNames = ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'] as const;
export type UpstreamName = (typeof upstreamNames)[number];

export interface GatewayRoute {
  /** Public path; a last segment `*` stands for everything below. */
  readonly path: string;
  readonly upstream: UpstreamName;
  /** Path at the upstream, when it is another one. */
  readonly to?: string;
  /** Reads only, when given: the path answers GET and HEAD. */
  readonly readOnly?: true;
  /** WebSocket connections are passed through. */
  readonly ws?: true;
  /** Answers may go on for ever: no time limit. */
  readonly stream?: true;
}

/**
 * Who answers what. A path that is not here is 404, and so are the services' own `/livez`, `/readyz` and `/metrics`:
 * nothing of a service is public because nobody thought of it.
 */
export const routes: readonly GatewayRoute[] = [
  { path: '/api/v1/identity/*', upstream: 'identity' },
  { path: '/api/v1/auth/*', upstream: 'identity' },
  { path: '/api/v1/token', upstream: 'identity', readOnly: true },
  { path: '/api/v1/token/*', upstream: 'identity', readOnly: true },
  { path: '/api/v1/verify', upstream: 'identity' },
  { path: '/oidc/*', upstream: 'identity' },
  { path: '/.well-known/openid-configuration', upstream: 'identity', readOnly: true },
  { path: '/.well-known/oauth-authorization-server', upstream: 'identity', readOnly: true },
  { path: '/.well-known/jwks.json', upstream: 'identity', readOnly: true },
  { path: '/api/v1/policy/*', upstream: 'policy' },
  { path: '/api/v1/vault/*', upstream: 'vault' },
  // The dialect of Vault's clients, which ask for `/v1/` at whatever address they are given.
  { path: '/v1/*', upstream: 'vault' },
  { path: '/api/v1/registry/*', upstream: 'registry' },
  { path: '/api/v1/devices', upstream: 'registry' },
  // Long polls of devices that wait for their approval.
  { path: '/api/v1/devices/registrations/:requestId/state', upstream: 'registry', stream: true },
  { path: '/api/v1/devices/*', upstream: 'registry' },
  { path: '/api/v1/relay/*', upstream: 'relay' },
  { path: '/api/v1/audit/*', upstream: 'audit' },
  { path: '/access/v1/*', upstream: 'policy' },
  { path: '/.well-known/authzen-configuration', upstream: 'policy', readOnly: true },
  { path: '/.well-known/authzen-configuration/*', upstream: 'policy', readOnly: true },
  { path: '/openapi/identity.json', upstream: 'identity', to: '/openapi.json', readOnly: true },
  { path: '/openapi/policy.json', upstream: 'policy', to: '/openapi.json', readOnly: true },
  { path: '/openapi/vault.json', upstream: 'vault', to: '/openapi.json', readOnly: true },
  { path: '/openapi/registry.json', upstream: 'registry', to: '/openapi.json', readOnly: true },
  { path: '/openapi/relay.json', upstream: 'relay', to: '/openapi.json', readOnly: true },
  { path: '/openapi/audit.json', upstream: 'audit', to: '/openapi.json', readOnly: true },
];
