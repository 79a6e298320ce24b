import { type IdpConfigured, type MemberRole, memberRoles } from '@gatehouse/contracts';
import { domainOf } from '../domain.js';

/** Somebody as the issuer describes him, once its token was verified. */
export interface ForeignIdentity {
  readonly subject: string;
  readonly email: string;
  readonly name?: string;
  /** What the groups mean here; undefined when they mean nothing and there is no default. */
  readonly role?: MemberRole;
  /** How the issuer says that it recognised the person (RFC 8176). */
  readonly methods: readonly string[];
}

/** Why nobody of this description is let in. Stable words, for logs. */
export type IdentityProblem = 'no_subject' | 'email_missing' | 'email_not_verified' | 'domain_not_allowed';

type Claims = Readonly<Record<string, unknown>>;

/**
 * Reads the claims of a verified identity token (OpenID Connect Core 5.1). An address counts only if the issuer says
 * `email_verified: true`, as a truth value and not as a text.
 */
export function readIdentity(claims: Claims, config: IdpConfigured): ForeignIdentity | IdentityProblem {
  const { sub, email, email_verified: verified, name } = claims;
  if (typeof sub !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(sub)) return 'no_subject';
  if (typeof email !== 'string') return 'email_missing';
  if (verified !== true) return 'email_not_verified';
  const domain = domainOf(email);
  if (domain === undefined) return 'email_missing';
  if (config.domains.length > 0 && !config.domains.includes(domain)) return 'domain_not_allowed';
  const role = roleFrom(claims, config);
  return {
    subject: sub,
    email,
    ...(typeof name === 'string' && /^[^\p{Cc}\p{Cs}]{1,200}$/u.test(name) && { name }),
    ...(role && { role }),
    methods: textsIn(claims.amr)
      .filter((method) => /^[a-z]{2,8}$/.test(method))
      .slice(0, 8),
  };
}

/** The highest role that any of the groups means, or the default. `owner` is never among them. */
export function roleFrom(claims: Claims, { groupsClaim, groupRoles, defaultRole }: IdpConfigured) {
  const groups = new Set(groupsClaim === undefined ? [] : textsIn(claimAt(claims, groupsClaim)));
  const given = Object.keys(groupRoles)
    .filter((group) => groups.has(group))
    .map((group) => groupRoles[group]);
  return memberRoles.find((role) => role !== 'owner' && given.includes(role)) ?? defaultRole;
}

/** By its whole name first: Auth0 names claims as addresses, with dots. Then as a path: `realm_access.roles`. */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Claims)[part];
  }
  return value;
}

const textsIn = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string');
