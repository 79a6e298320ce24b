import { memberRole } from '@gatehouse/contracts';
import { z } from 'zod';
import type { StoredProvider } from './providers.service.js';

/** A provider as the API shows it: that there is a secret, never which. */
export const providerView = z.object({
  idpId: z.uuid(),
  name: z.string(),
  issuer: z.string(),
  clientId: z.string(),
  hasSecret: z.boolean(),
  /** To be registered at the provider: the only address it may send people back to. */
  redirectUri: z.string(),
  domains: z.array(z.string()),
  requireApproval: z.boolean(),
  defaultRole: memberRole.optional(),
  groupsClaim: z.string().optional(),
  groupRoles: z.record(z.string(), memberRole),
  endMembership: z.boolean(),
  acceptTokens: z.object({ audience: z.string() }).optional(),
  createdAt: z.iso.datetime(),
  /** For `If-Match`. */
  revision: z.int(),
});
export type ProviderView = z.output<typeof providerView>;

/**
 * Another address for each provider: an answer of one issuer that arrives at the address of another is refused before
 * its code goes anywhere (RFC 9700 4.4.2.2).
 */
export const redirectUriOf = (publicUrl: string, idpId: string): string =>
  new URL(`/api/v1/auth/federated/callback/${idpId}`, publicUrl).href;

export function viewOfProvider(provider: StoredProvider, hasSecret: boolean, publicUrl: string): ProviderView {
  const { config, createdAt, revision } = provider;
  const { jwksUri: _found, groupRoles, domains, endMembership = false, ...shown } = config;
  return {
    ...shown,
    domains: [...domains],
    groupRoles: { ...groupRoles },
    endMembership,
    hasSecret,
    redirectUri: redirectUriOf(publicUrl, config.idpId),
    createdAt: createdAt.toISOString(),
    revision,
  };
}
