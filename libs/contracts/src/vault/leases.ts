import { z } from 'zod';

const leaseId = z.string().regex(/^[a-z2-7]{26}$/);
const instant = z.iso.datetime();
/** A keyed pseudonym of who holds it: says that two leases have one holder, not who that is. */
const holder = z.string().max(32);

const leaseTerms = {
  leaseId,
  database: z.string(),
  role: z.string(),
  /** The role of the target database that was made for this lease. */
  username: z.string(),
  /** No renewal goes beyond it. */
  maxUntil: instant,
  holder: holder.optional(),
};

/** The intent, before anything is done in the target. Who asked is the envelope's actor. */
export const leaseRequested = z.object({
  ...leaseTerms,
  validUntil: instant,
  /** The credential of the caller, where it has an id. */
  credential: z.string().optional(),
});
export type LeaseRequested = z.infer<typeof leaseRequested>;

/** The role exists in the target; the password has been given to the caller, or was lost on the way to him. */
export const leaseIssued = z.object({ leaseId, validUntil: instant });
export type LeaseIssued = z.infer<typeof leaseIssued>;

export const leaseRequestFailed = z.object({ leaseId, reason: z.string() });
export type LeaseRequestFailed = z.infer<typeof leaseRequestFailed>;

/** A live role of ours of which the log did not know, or not whether it was issued: it keeps its own term. */
export const leaseAdopted = z.object({ ...leaseTerms, validUntil: instant });
export type LeaseAdopted = z.infer<typeof leaseAdopted>;

/** The target says another term than the log: the target is right. */
export const leaseTermObserved = z.object({ leaseId, validUntil: instant });
export type LeaseTermObserved = z.infer<typeof leaseTermObserved>;

export const leaseRenewalStarted = z.object({ leaseId, validUntil: instant });
export type LeaseRenewalStarted = z.infer<typeof leaseRenewalStarted>;

export const leaseRenewed = leaseRenewalStarted;
export type LeaseRenewed = z.infer<typeof leaseRenewed>;

export const leaseRevocationReason = z.enum(['requested', 'expired', 'undelivered', 'reappeared']);
export type LeaseRevocationReason = z.infer<typeof leaseRevocationReason>;

/** The intent: from here on the lease ends, and is never renewed again. */
export const leaseRevocationStarted = z.object({
  leaseId,
  reason: leaseRevocationReason,
  note: z.string().optional(),
});
export type LeaseRevocationStarted = z.infer<typeof leaseRevocationStarted>;

/** The role is gone: dropped by us, or found missing. */
export const leaseRevoked = z.object({ leaseId, how: z.enum(['dropped', 'missing']) });
export type LeaseRevoked = z.infer<typeof leaseRevoked>;

/** Once a lease: it could not be revoked for so many attempts. They go on. */
export const leaseRevocationFailing = z.object({ leaseId, failures: z.int(), error: z.string() });
export type LeaseRevocationFailing = z.infer<typeof leaseRevocationFailing>;

/** Somebody gave it up with its database: the role may live there to the end of its term. */
export const leaseAbandoned = z.object({ leaseId, reason: z.string() });
export type LeaseAbandoned = z.infer<typeof leaseAbandoned>;

export const leaseEvents = {
  'lease.requested': leaseRequested,
  'lease.issued': leaseIssued,
  'lease.request_failed': leaseRequestFailed,
  'lease.adopted': leaseAdopted,
  'lease.term_observed': leaseTermObserved,
  'lease.renewal_started': leaseRenewalStarted,
  'lease.renewed': leaseRenewed,
  'lease.revocation_started': leaseRevocationStarted,
  'lease.revoked': leaseRevoked,
  'lease.revocation_failing': leaseRevocationFailing,
  'lease.abandoned': leaseAbandoned,
} as const;
