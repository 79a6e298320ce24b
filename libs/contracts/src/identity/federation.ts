import { z } from 'zod';
import { memberRole } from './tenancy.js';

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
  defaultRole: memberRole.optional(),
  groupsClaim: z.string().optional(),
  groupRoles: z.record(z.string(), memberRole),
  /** Who signs in with no group that means a role, and no default role, is no member any more. */
  endMembership: z.boolean().optional(),
});
export type IdpConfigured = z.infer<typeof idpConfigured>;

export const idpRemoved = z.object({ idpId: z.uuid() });
export type IdpRemoved = z.infer<typeof idpRemoved>;

/** `subjectIndex` is `pseudonym(pepper, issuer + '\n' + sub)`: the issuer's own identifier may be personal. */
export const idpLinkAdded = z.object({ idpId: z.uuid(), userId: z.uuid(), subjectIndex: z.string() });
export type IdpLinkAdded = z.infer<typeof idpLinkAdded>;

export const idpLinkRemoved = z.object({ idpId: z.uuid(), userId: z.uuid(), subjectIndex: z.string() });
export type IdpLinkRemoved = z.infer<typeof idpLinkRemoved>;

/**
 * Somebody new signed in at a provider that asks for approval. `userId` is who it will be: nobody yet. The address is the
 * sealed field `email`, under a key of that id, which a rejection destroys.
 */
export const federationRequested = z.object({ idpId: z.uuid(), userId: z.uuid(), subjectIndex: z.string() });
export type FederationRequested = z.infer<typeof federationRequested>;

export const federationApproved = federationRequested;
export type FederationApproved = FederationRequested;

/** Whoever comes back with the same `subjectIndex` stays rejected. */
export const federationRejected = federationRequested;
export type FederationRejected = FederationRequested;

export const federationEvents = {
  'idp.configured': idpConfigured,
  'idp.removed': idpRemoved,
  'idp_link.added': idpLinkAdded,
  'idp_link.removed': idpLinkRemoved,
  'federation.requested': federationRequested,
  'federation.approved': federationApproved,
  'federation.rejected': federationRejected,
} as const;
