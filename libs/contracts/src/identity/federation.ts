import { z } from 'zod';

/**
 * A trusted issuer of somebody else. Services accept its API tokens where `acceptTokens` says so: they verify against
 * `jwksUri`, require `audience`, and find the person by `idp_link.added`.
 */
export const idpConfigured = z.object({
  idpId: z.uuid(),
  name: z.string(),
  issuer: z.string(),
  clientId: z.string(),
  jwksUri: z.string().optional(),
  acceptTokens: z.object({ audience: z.string() }).optional(),
  /** Lower-cased domains whose verified addresses may sign in; empty means any. */
  domains: z.array(z.string()),
  requireApproval: z.boolean(),
  /** Role of a new member; absent: nobody becomes a member by signing in. */
  defaultRole: z.string().optional(),
  groupsClaim: z.string().optional(),
  groupRoles: z.record(z.string(), z.string()),
});
export type IdpConfigured = z.infer<typeof idpConfigured>;

export const idpRemoved = z.object({ idpId: z.uuid() });
export type IdpRemoved = z.infer<typeof idpRemoved>;

/** `subjectIndex` is `pseudonym(pepper, issuer + '\n' + sub)`: the issuer's own identifier may be personal. */
export const idpLinkAdded = z.object({ idpId: z.uuid(), userId: z.uuid(), subjectIndex: z.string() });
export type IdpLinkAdded = z.infer<typeof idpLinkAdded>;

export const idpLinkRemoved = z.object({ idpId: z.uuid(), userId: z.uuid(), subjectIndex: z.string() });
export type IdpLinkRemoved = z.infer<typeof idpLinkRemoved>;

export const federationEvents = {
  'idp.configured': idpConfigured,
  'idp.removed': idpRemoved,
  'idp_link.added': idpLinkAdded,
  'idp_link.removed': idpLinkRemoved,
} as const;
