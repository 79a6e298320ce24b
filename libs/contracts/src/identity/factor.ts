import { z } from 'zod';

/** What a person can prove himself with beside a password. */
export const factorKind = z.enum(['totp', 'passkey']);
export type FactorKind = z.infer<typeof factorKind>;

/**
 * Second factors of a person, in the stream `factors:<userId>` of the home tenant. No event holds a secret, a key of an
 * authenticator, or a code; the name a person gave a passkey is the sealed field `name`.
 */
export const factorAdded = z.object({ userId: z.uuid(), factorId: z.uuid(), kind: factorKind });
export type FactorAdded = z.infer<typeof factorAdded>;

/** The new name is the sealed field `name`. */
export const factorRenamed = z.object({ userId: z.uuid(), factorId: z.uuid() });
export type FactorRenamed = z.infer<typeof factorRenamed>;

export const factorRemoved = factorAdded;
export type FactorRemoved = z.infer<typeof factorRemoved>;

/** New recovery codes; all earlier ones stopped working with this event. */
export const recoveryCodesMade = z.object({ userId: z.uuid(), count: z.int() });
export type RecoveryCodesMade = z.infer<typeof recoveryCodesMade>;

export const recoveryCodeUsed = z.object({ userId: z.uuid(), left: z.int() });
export type RecoveryCodeUsed = z.infer<typeof recoveryCodeUsed>;

/** A passkey signed correctly with a counter that had been seen before: it may have been copied. The sign-in was refused. */
export const passkeyCounterRegressed = z.object({ userId: z.uuid(), factorId: z.uuid() });
export type PasskeyCounterRegressed = z.infer<typeof passkeyCounterRegressed>;

export const factorEvents = {
  'factor.added': factorAdded,
  'factor.renamed': factorRenamed,
  'factor.removed': factorRemoved,
  'recovery_codes.made': recoveryCodesMade,
  'recovery_code.used': recoveryCodeUsed,
  'passkey.counter_regressed': passkeyCounterRegressed,
} as const;
