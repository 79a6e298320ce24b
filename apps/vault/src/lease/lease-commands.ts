import type { LeaseRevocationReason, leaseEvents } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { defineProblems, ProblemError } from '@gatehouse/http';
import { isOpen, type Lease, type LeaseTerms } from './lease.js';
import type { Verdict } from './reconcile.js';

defineProblems({
  lease_ended: { status: 409, title: 'The lease has ended, or is being ended' },
  lease_not_issued: { status: 409, title: 'The lease is not issued yet' },
  lease_at_its_end: { status: 409, title: 'The lease cannot be prolonged any more' },
});

const iso = (ms: number): string => new Date(ms).toISOString();

const event = (type: keyof typeof leaseEvents, data: object): NewEvent => ({ type, version: 1, data });

const shown = ({ maxUntil, ...terms }: LeaseTerms) => ({ ...terms, maxUntil: iso(maxUntil) });

type Decide = (lease: Lease) => readonly NewEvent[];

/** The intent: recorded before the target hears of it. */
export const requestLease =
  (terms: LeaseTerms, validUntil: number, credential?: string): Decide =>
  (lease) => {
    if (lease.status !== 'none') throw new ProblemError('lease_ended', 'A lease of this id was made before');
    return [
      event('lease.requested', { ...shown(terms), validUntil: iso(validUntil), ...(credential && { credential }) }),
    ];
  };

/** Only who made the role says so, and only while nobody has judged it meanwhile. */
export const issueLease =
  (leaseId: string): Decide =>
  (lease) => {
    if (lease.status !== 'requested') throw new ProblemError('lease_ended', 'The lease was given up meanwhile');
    return [event('lease.issued', { leaseId, validUntil: iso(lease.validUntil) })];
  };

/** `reason` is a word of ours or an SQLSTATE, never the target's text. */
export const failRequest =
  (leaseId: string, reason: string): Decide =>
  (lease) =>
    lease.status === 'requested' ? [event('lease.request_failed', { leaseId, reason })] : [];

/** Prolongs to `until` at most, and never beyond the lease's own end. A term that is longer already stays. */
export const startRenewal =
  (leaseId: string, until: number, now: number): Decide =>
  (lease) => {
    if (lease.status === 'requested' || lease.status === 'renewing') throw new ProblemError('lease_not_issued');
    if (lease.status !== 'active' || lease.validUntil <= now) throw new ProblemError('lease_ended');
    const validUntil = Math.min(until, lease.terms.maxUntil);
    if (lease.validUntil >= lease.terms.maxUntil) throw new ProblemError('lease_at_its_end');
    return validUntil <= lease.validUntil
      ? []
      : [event('lease.renewal_started', { leaseId, validUntil: iso(validUntil) })];
  };

export const concludeRenewal =
  (leaseId: string, validUntil: number): Decide =>
  (lease) =>
    lease.status === 'renewing' && lease.renewUntil === validUntil
      ? [event('lease.renewed', { leaseId, validUntil: iso(validUntil) })]
      : [];

export const observeTerm =
  (leaseId: string, validUntil: number): Decide =>
  (lease) =>
    lease.status === 'active' || lease.status === 'renewing'
      ? [event('lease.term_observed', { leaseId, validUntil: iso(validUntil) })]
      : [];

/** Ending what ends already changes nothing. */
export const startRevocation =
  (leaseId: string, reason: LeaseRevocationReason, note?: string): Decide =>
  (lease) => {
    const again = reason === 'reappeared' && (lease.status === 'revoked' || lease.status === 'failed');
    if (lease.status === 'revoking' || !(isOpen(lease) || again)) return [];
    return [event('lease.revocation_started', { leaseId, reason, ...(note !== undefined && { note }) })];
  };

export const concludeRevoked =
  (leaseId: string, how: 'dropped' | 'missing'): Decide =>
  (lease) =>
    isOpen(lease) && lease.status !== 'requested' ? [event('lease.revoked', { leaseId, how })] : [];

/** The alarm, once a lease. */
export const reportFailing =
  (leaseId: string, failures: number, error: string): Decide =>
  (lease) =>
    lease.status === 'revoking' && !lease.alarmed
      ? [event('lease.revocation_failing', { leaseId, failures, error })]
      : [];

export const abandonLease =
  (leaseId: string, reason: string): Decide =>
  (lease) =>
    isOpen(lease) ? [event('lease.abandoned', { leaseId, reason })] : [];

const adoptLease =
  (terms: LeaseTerms, validUntil: number): Decide =>
  (lease) =>
    lease.status === 'none' || lease.status === 'requested' || lease.status === 'abandoned'
      ? [event('lease.adopted', { ...shown(terms), validUntil: iso(validUntil) })]
      : [];

/** What the log is told of a verdict. Those that need the target first are told when it has done its part. */
export function decideOn(leaseId: string, verdict: Verdict): Decide {
  switch (verdict.act) {
    case 'adopt':
      return adoptLease(verdict.terms, verdict.validUntil);
    case 'observe_term':
    case 'impose_term':
      return observeTerm(leaseId, verdict.validUntil);
    case 'conclude_renewal':
    case 'repeat_renewal':
      return concludeRenewal(leaseId, verdict.validUntil);
    case 'conclude_failed':
      return failRequest(leaseId, 'not_made');
    case 'start_revocation':
      return startRevocation(leaseId, verdict.reason);
    case 'drop':
      return concludeRevoked(leaseId, 'dropped');
    case 'conclude_revoked':
      return concludeRevoked(leaseId, verdict.how);
  }
}
