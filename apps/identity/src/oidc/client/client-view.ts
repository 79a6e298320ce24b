import { clientPrincipalId, oauthClientKind } from '@gatehouse/contracts';
import { recordedText } from '@gatehouse/telemetry';
import { z } from 'zod';
import type { ClientFacts } from './client.js';

const scopeWord = z.enum(['openid', 'email', 'profile', 'offline_access']);
const permission = z.string().max(128);
const publicJwk = z.record(z.string().max(32), z.union([z.string().max(2_048), z.array(z.string().max(8_192)).max(4)]));

/** What may be said of a client, with what holds when nothing is said: the least. */
export const clientSettingsInput = z.strictObject({
  title: recordedText(100),
  redirectUris: z.array(z.string().min(1).max(512)).max(16).default([]),
  scopes: z.array(scopeWord).max(4).default(['openid', 'email', 'profile']),
  permissions: z.array(permission).max(64).default([]),
  skipConsent: z.boolean().default(false),
  deviceFlow: z.boolean().default(false),
  requireDpop: z.boolean().default(false),
  introspectTenant: z.boolean().default(false),
  exchangeFrom: z
    .array(z.union([z.uuid(), z.enum(['session', 'gatehouse-cli'])]))
    .max(64)
    .default([]),
  jwks: z.strictObject({ keys: z.array(publicJwk).min(1).max(8) }).optional(),
});

export const clientInput = clientSettingsInput.extend({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,55}$/, 'is not lower-case letters, digits and hyphens, at most 56'),
  kind: oauthClientKind,
  auth: z.enum(['secret', 'private_key_jwt', 'none']).optional(),
  roles: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is not the name of a role'))
    .max(16)
    .default([]),
});

/** A client as the API shows it: never its secret, never the secret's fingerprint. */
export const clientView = clientSettingsInput.extend({
  clientId: z.string(),
  kind: oauthClientKind,
  name: z.string(),
  auth: z.enum(['secret', 'private_key_jwt', 'none']),
  roles: z.array(z.string()),
  createdAt: z.iso.datetime(),
  /** Who a service client acts as. */
  principal: z.object({ type: z.literal('service'), id: z.string() }).optional(),
  /** Until when the secret before the last rotation works. */
  previousSecretUntil: z.iso.datetime().optional(),
  revision: z.int(),
});

export function viewOfClient(client: ClientFacts & { readonly status?: string }, revision: number) {
  const { tenantId: _own, fingerprint: _kept, previous, status: _active, ...shown } = client;
  return {
    ...shown,
    ...(client.kind === 'service' && {
      principal: { type: 'service' as const, id: clientPrincipalId(client.name) },
    }),
    ...(previous && { previousSecretUntil: previous.validUntil }),
    revision,
  };
}
