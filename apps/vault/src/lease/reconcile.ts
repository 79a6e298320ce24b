import type { LeaseRevocationReason } from '@gatehouse/contracts';
import type { KnownLease, Lease, LeaseTerms } from './lease.js';
import type { Marker } from './marker.js';

/** One lease as the log has it. A verdict about it counts at this revision only: whoever comes later is not judged. */
export interface LoggedLease {
  readonly leaseId: string;
  readonly revision: number;
  readonly lease: Lease;
}

/** One role of the target whose name is one of ours. */
export interface RoleSeen {
  readonly username: string;
  /** Unix milliseconds; null for a role without an end. */
  readonly validUntil: number | null;
  /** Of its comment, if that is authentic. */
  readonly marker?: Marker | undefined;
}

export interface Seen {
  /** Read BEFORE the roles were: a role that is missing was then already made when its lease was read as issued. */
  readonly leases: readonly LoggedLease[];
  /** All roles of this tenant's leases in this target. */
  readonly roles: readonly RoleSeen[];
  /** The name under which the target is configured. */
  readonly database: string;
  /** The target's clock, which decides about terms. Unix milliseconds, as all times here. */
  readonly targetNow: number;
  /** The vault's clock, which decides how long a call may be under way. */
  readonly now: number;
  /** How long whoever recorded an intent may take before somebody else finishes it. */
  readonly graceMs: number;
}

export type Verdict =
  | { readonly act: 'adopt'; readonly terms: LeaseTerms; readonly validUntil: number }
  | { readonly act: 'observe_term'; readonly validUntil: number }
  /** The role has no end: it gets one. */
  | { readonly act: 'impose_term'; readonly username: string; readonly validUntil: number }
  | { readonly act: 'conclude_renewal'; readonly validUntil: number }
  | {
      readonly act: 'repeat_renewal';
      readonly terms: LeaseTerms;
      readonly from: number;
      readonly validUntil: number;
    }
  | { readonly act: 'conclude_failed' }
  | { readonly act: 'start_revocation'; readonly reason: LeaseRevocationReason; readonly terms: LeaseTerms }
  | { readonly act: 'drop'; readonly terms: LeaseTerms }
  | { readonly act: 'conclude_revoked'; readonly how: 'dropped' | 'missing' };

export type Judged = { readonly leaseId: string; readonly revision: number } & Verdict;

/**
 * What has to be done so that log and target agree, from what both say. The target is right about terms; the log is right
 * about what somebody wanted. Nothing here depends on why they differ: a crash between two steps, a lost answer, a
 * backup of either one that was put back.
 *
 * @returns verdicts in the order of the leases; leases about which nothing is to be done are left out
 */
export function reconcile(seen: Seen): readonly Judged[] {
  const byName = new Map(seen.roles.map((role) => [role.username, role]));
  const known = new Set<string>();
  const judged: Judged[] = [];
  for (const { leaseId, revision, lease } of seen.leases) {
    known.add(leaseId);
    if (lease.status === 'none') continue;
    const role = byName.get(lease.terms.username);
    const verdict = role ? withRole(lease, role, seen) : withoutRole(lease, seen);
    if (verdict) judged.push({ leaseId, revision, ...verdict });
  }
  for (const role of seen.roles) {
    const { marker } = role;
    if (!marker || marker.database !== seen.database || known.has(marker.leaseId)) continue;
    judged.push({ leaseId: marker.leaseId, revision: 0, ...adopt(termsOf(role, marker), role) });
  }
  return judged;
}

const termsOf = ({ username }: RoleSeen, { leaseId, database, role, maxUntil, holder }: Marker): LeaseTerms => ({
  leaseId,
  database,
  role,
  username,
  maxUntil,
  holder,
});

const adopt = (terms: LeaseTerms, { validUntil }: RoleSeen): Verdict => ({
  act: 'adopt',
  terms,
  validUntil: validUntil ?? terms.maxUntil,
});

const isOverdue = (lease: KnownLease, { now, graceMs }: Seen): boolean => now - lease.since > graceMs;

function withRole(lease: KnownLease, role: RoleSeen, seen: Seen): Verdict | undefined {
  const { terms } = lease;
  switch (lease.status) {
    // Whether it was issued is not known: the log may be a backup of the moment between, so somebody may live on it.
    case 'requested':
      return isOverdue(lease, seen) ? adopt(terms, role) : undefined;
    case 'abandoned':
      return adopt(terms, role);
    case 'active':
      return withTerm(lease, role, seen);
    case 'renewing':
      return withRenewal(lease, role, seen);
    case 'revoking':
      return { act: 'drop', terms };
    // The target was set back, or a statement came through after everybody had given it up.
    case 'revoked':
    case 'failed':
      return { act: 'start_revocation', reason: 'reappeared', terms };
  }
}

function withTerm({ terms, validUntil }: KnownLease, role: RoleSeen, { targetNow }: Seen): Verdict | undefined {
  // Never a term of ours: somebody took the end away, and with it what the last renewal was.
  if (role.validUntil === null) return { act: 'impose_term', username: role.username, validUntil: terms.maxUntil };
  if (role.validUntil !== validUntil) return { act: 'observe_term', validUntil: role.validUntil };
  return validUntil <= targetNow ? { act: 'start_revocation', reason: 'expired', terms } : undefined;
}

function withRenewal(
  lease: Extract<KnownLease, { status: 'renewing' }>,
  role: RoleSeen,
  seen: Seen,
): Verdict | undefined {
  const { terms, validUntil, renewUntil } = lease;
  if (role.validUntil === renewUntil) return { act: 'conclude_renewal', validUntil: renewUntil };
  if (!isOverdue(lease, seen)) return undefined;
  if (role.validUntil === validUntil && renewUntil > seen.targetNow)
    return { act: 'repeat_renewal', terms, from: validUntil, validUntil: renewUntil };
  // Later than both: renewed again after the moment that this log was set back to.
  return role.validUntil === null
    ? { act: 'impose_term', username: role.username, validUntil: terms.maxUntil }
    : { act: 'observe_term', validUntil: role.validUntil };
}

function withoutRole(lease: KnownLease, seen: Seen): Verdict | undefined {
  switch (lease.status) {
    case 'requested':
      return isOverdue(lease, seen) ? { act: 'conclude_failed' } : undefined;
    case 'active':
    case 'renewing':
      return { act: 'conclude_revoked', how: 'missing' };
    case 'revoking':
      return { act: 'conclude_revoked', how: 'dropped' };
    default:
      return undefined;
  }
}
