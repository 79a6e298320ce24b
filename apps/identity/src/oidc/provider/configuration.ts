import { tokenAudience } from '@gatehouse/authn';
import { type Adapter, type Configuration, errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { factsOf, openIdScopes, serviceSubject } from './token-claims.service.js';

const { base, Check } = interactionPolicy;

/** All paths of the protocol. The pages and the approval of devices are ours: `/device` is a page of the gateway. */
export const oidcPaths = {
  authorization: '/oidc/auth',
  token: '/oidc/token',
  introspection: '/oidc/introspect',
  revocation: '/oidc/revoke',
  device_authorization: '/oidc/device/auth',
  userinfo: '/oidc/userinfo',
  interaction: '/oidc/interaction',
  code_verification: '/device',
  jwks: '/.well-known/jwks.json',
  end_session: '/oidc/session/end',
} as const;

export interface ConfigurationParts {
  readonly issuer: string;
  readonly secure: boolean;
  readonly adapter: (model: string) => Adapter;
  /** Private keys as JWKs, the one that signs first. */
  readonly jwks: NonNullable<Configuration['jwks']>;
  readonly signing: { readonly kid: string; readonly algorithm: string };
  readonly builtInClients: readonly Record<string, unknown>[];
  readonly cookieKeys: readonly string[];
  readonly dpopNonceSecret: Uint8Array;
  readonly seconds: {
    readonly access: number;
    readonly refresh: number;
    readonly grant: number;
    readonly device: number;
  };
  readonly findAccount: NonNullable<Configuration['findAccount']>;
  readonly loadExistingGrant: NonNullable<Configuration['loadExistingGrant']>;
  readonly extraTokenClaims: NonNullable<Configuration['extraTokenClaims']>;
  readonly apiScopes: (ctx: KoaContextWithOIDC, client: unknown) => string;
  readonly deviceInfo: (ctx: KoaContextWithOIDC) => Record<string, string>;
}

const signingAlgorithms = ['ES256', 'RS256', 'EdDSA'] as const;
/** Seconds a code waits to be redeemed, an interaction to be answered, and a browser is remembered. */
const codeSeconds = 60;
const interactionSeconds = 600;
const sessionSeconds = 28_800;

/** How `oidc-provider` is set up: everything off that is not named in the issue, everything named at its strictest. */
export function configurationOf(parts: ConfigurationParts): Configuration {
  const { seconds } = parts;
  return {
    adapter: parts.adapter,
    jwks: parts.jwks,
    clients: parts.builtInClients as unknown as NonNullable<Configuration['clients']>,
    clientDefaults: { id_token_signed_response_alg: parts.signing.algorithm as 'ES256' },
    extraClientMetadata: { properties: ['gatehouse'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    enabledJWA: {
      idTokenSigningAlgValues: [...signingAlgorithms],
      clientAuthSigningAlgValues: [...signingAlgorithms],
      dPoPSigningAlgValues: [...signingAlgorithms],
    },
    responseTypes: ['code'],
    scopes: [...openIdScopes],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      acr: null,
      sid: null,
      auth_time: null,
      iss: null,
    },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    rotateRefreshToken: true,
    findAccount: parts.findAccount,
    loadExistingGrant: parts.loadExistingGrant,
    extraTokenClaims: parts.extraTokenClaims,
    formats: { customizers: { jwt: nameService } },
    routes: routesOf(),
    discovery: { userinfo_endpoint: new URL(oidcPaths.userinfo, parts.issuer).href },
    cookies: cookiesOf(parts),
    interactions: { policy: policyOf(), url: (_ctx, { uid }) => `${oidcPaths.interaction}/${uid}` },
    features: featuresOf(parts),
    renderError: async (ctx, out) => {
      ctx.type = 'json';
      ctx.body = out;
    },
    clockTolerance: 5,
    ttl: {
      AccessToken: seconds.access,
      ClientCredentials: seconds.access,
      AuthorizationCode: codeSeconds,
      DeviceCode: seconds.device,
      IdToken: seconds.access,
      Interaction: interactionSeconds,
      Session: sessionSeconds,
      Grant: seconds.grant,
      RefreshToken: seconds.refresh,
    },
  };
}

function routesOf() {
  const { interaction: _ours, userinfo: _own, ...routes } = oidcPaths;
  return routes;
}

function cookiesOf({ cookieKeys, secure }: ConfigurationParts): NonNullable<Configuration['cookies']> {
  // The prefix makes browsers refuse a cookie that a neighbour on another subdomain planted.
  const prefix = secure ? '__Host-' : '';
  const options = { httpOnly: true, sameSite: 'lax', secure, signed: true } as const;
  return {
    keys: [...cookieKeys],
    names: { session: `${prefix}gatehouse_oidc`, interaction: 'gatehouse_interaction', resume: 'gatehouse_resume' },
    long: { ...options, path: '/' },
    short: options,
  };
}

function featuresOf(parts: ConfigurationParts): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    deviceFlow: { enabled: true, charset: 'base-20', mask: '****-****', deviceInfo: parts.deviceInfo },
    dPoP: { enabled: true, nonceSecret: parts.dpopNonceSecret as Buffer, requireNonce: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => tokenAudience,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource, client) => {
        if (resource !== tokenAudience) throw new errors.InvalidTarget('there is no such resource');
        const sign = { alg: parts.signing.algorithm as 'ES256', kid: parts.signing.kid };
        const scope = parts.apiScopes(ctx, client);
        return {
          scope,
          audience: tokenAudience,
          accessTokenTTL: parts.seconds.access,
          accessTokenFormat: 'jwt',
          jwt: { sign },
        };
      },
    },
  };
}

/** A browser session whose person or sign-in is gone asks for a sign-in, like none at all. */
function policyOf() {
  const policy = base();
  policy
    .get('login')
    ?.checks.add(
      new Check('sign_in_over', 'the sign-in is over', 'login_required', ({ oidc }) =>
        oidc.session?.accountId !== undefined && oidc.account === undefined
          ? Check.REQUEST_PROMPT
          : Check.NO_NEED_TO_PROMPT,
      ),
    );
  return policy;
}

type Customizer = NonNullable<NonNullable<NonNullable<Configuration['formats']>['customizers']>['jwt']>;

/** A service's token names the principal that roles are granted to, not the number of its client. */
const nameService: Customizer = (ctx, token, parts) => {
  if (token.kind === 'ClientCredentials' && parts.payload) parts.payload.sub = serviceSubject(factsOf(ctx.oidc.client));
};
