import { z } from 'zod';

/** Who a client is: `web` keeps a secret on a server, `native` and `spa` cannot, a `service` acts for itself. */
export const oauthClientKind = z.enum(['web', 'native', 'spa', 'service']);
export type OauthClientKind = z.infer<typeof oauthClientKind>;

/** What may be changed about a client; an update carries the whole of it. */
export const oauthClientSettings = z.object({
  /** Shown to people who are asked for consent. */
  title: z.string(),
  redirectUris: z.array(z.string()),
  /** OpenID scopes it may ask for. */
  scopes: z.array(z.string()),
  /** Action patterns its tokens may carry at most; none means that they permit nothing. */
  permissions: z.array(z.string()),
  /** Belongs to the tenant itself: people are not asked for consent. */
  skipConsent: z.boolean(),
  deviceFlow: z.boolean(),
  /** Its tokens are bound to a key of its own (RFC 9449). */
  requireDpop: z.boolean(),
  /** May ask about tokens of other clients of its tenant (RFC 7662). */
  introspectTenant: z.boolean(),
  /** Clients whose users' tokens it may exchange (RFC 8693); `session` stands for sign-ins without a client. */
  exchangeFrom: z.array(z.string()),
  /** Public keys for `private_key_jwt` (RFC 7517). */
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).optional(),
});
export type OauthClientSettings = z.infer<typeof oauthClientSettings>;

export const oauthClientRegistered = oauthClientSettings.extend({
  clientId: z.uuid(),
  kind: oauthClientKind,
  /** Unique in the tenant, never used twice. A service acts as the principal `service/client.<name>`. */
  name: z.string(),
  /** Roles that policy grants to the principal of a service. */
  roles: z.array(z.string()),
  auth: z.enum(['secret', 'private_key_jwt', 'none']),
  /** Base64 of HMAC-SHA256(pepper, secret): all that is kept of it. */
  fingerprint: z.base64().optional(),
});
export type OauthClientRegistered = z.infer<typeof oauthClientRegistered>;

export const oauthClientUpdated = oauthClientSettings.extend({ clientId: z.uuid() });
export type OauthClientUpdated = z.infer<typeof oauthClientUpdated>;

/** The same client with another secret. The earlier one works until `previousValidUntil`. */
export const oauthClientSecretRotated = z.object({
  clientId: z.uuid(),
  fingerprint: z.base64(),
  previousFingerprint: z.base64(),
  previousValidUntil: z.iso.datetime(),
});
export type OauthClientSecretRotated = z.infer<typeof oauthClientSecretRotated>;

export const oauthClientRemoved = z.object({ clientId: z.uuid(), name: z.string() });
export type OauthClientRemoved = z.infer<typeof oauthClientRemoved>;

/** Identifier of the principal that a service client acts as: a dot is in no name of a key. */
export const clientPrincipalId = (name: string): string => `client.${name}`;

/**
 * A family of tokens of one client ends: every service refuses access tokens that carry this grant as `sid`.
 * `userId` is absent for a client that acts for itself; `grantId` is then the id of the client.
 */
export const oauthGrantRevoked = z.object({
  grantId: z.string(),
  clientId: z.string(),
  userId: z.uuid().optional(),
  reason: z.enum(['signed_out', 'revoked', 'reuse', 'client_removed', 'disabled', 'erased']),
});
export type OauthGrantRevoked = z.infer<typeof oauthGrantRevoked>;

/** Somebody let a device in, or turned it away: in the tenant the device acts in from then on, or the person's own. */
export const deviceAuthorizationDecided = z.object({
  clientId: z.string(),
  userId: z.uuid(),
  grantId: z.string().optional(),
});
export type DeviceAuthorizationDecided = z.infer<typeof deviceAuthorizationDecided>;

/** A service acts for a person with a token that it exchanged for the person's own. */
export const tokenExchanged = z.object({
  clientId: z.uuid(),
  userId: z.uuid(),
  /** `sid` of the token that was given, and of the one that was made. */
  sid: z.string().optional(),
  permissions: z.array(z.string()),
  audience: z.string(),
});
export type TokenExchanged = z.infer<typeof tokenExchanged>;

export const signingKeyEvent = z.object({ kid: z.string(), algorithm: z.string() });
export type SigningKeyEvent = z.infer<typeof signingKeyEvent>;

export const oauthEvents = {
  'oauth_client.registered': oauthClientRegistered,
  'oauth_client.updated': oauthClientUpdated,
  'oauth_client.secret_rotated': oauthClientSecretRotated,
  'oauth_client.removed': oauthClientRemoved,
  'oauth_grant.revoked': oauthGrantRevoked,
  'device_authorization.approved': deviceAuthorizationDecided,
  'device_authorization.denied': deviceAuthorizationDecided,
  'token.exchanged': tokenExchanged,
  'signing_key.created': signingKeyEvent,
  'signing_key.retired': signingKeyEvent,
} as const;
