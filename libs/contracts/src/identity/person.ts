import { z } from 'zod';

/**
 * A person, in the stream `user:<userId>` of that person's home tenant: the personal workspace `p-<userId>`, or the
 * tenant itself for the owner of an installation of the first version. `email` and `name` are sealed fields.
 * `verified` is absent where somebody vouched for the address from the start.
 */
export const userRegistered = z.object({
  userId: z.uuid(),
  verified: z.boolean().optional(),
  via: z.enum(['bootstrap', 'registration', 'invitation', 'federation']).optional(),
});
export type UserRegistered = z.infer<typeof userRegistered>;

export const userEmailVerified = z.object({ userId: z.uuid() });
export type UserEmailVerified = z.infer<typeof userEmailVerified>;

/** The name changed: the new one is the sealed field `name`. */
export const userProfileChanged = z.object({ userId: z.uuid() });
export type UserProfileChanged = z.infer<typeof userProfileChanged>;

export const userDisabled = z.object({ userId: z.uuid(), reason: z.string().optional() });
export type UserDisabled = z.infer<typeof userDisabled>;

export const userEnabled = z.object({ userId: z.uuid() });
export type UserEnabled = z.infer<typeof userEnabled>;

/** The hash stands in no event: it is in a table of identity that erasure reaches. */
export const userPasswordChanged = z.object({
  userId: z.uuid(),
  how: z.enum(['registration', 'change', 'reset']),
});
export type UserPasswordChanged = z.infer<typeof userPasswordChanged>;

/** One sign-in of a person, in the stream `session:<sessionId>` of the home tenant. Its access tokens carry it as `sid`. */
export const sessionStarted = z.object({
  sessionId: z.uuid(),
  userId: z.uuid(),
  /** How the person proved who it is (RFC 8176 words): `pwd`, `otp`, `hwk`, `fed`, `rec`. */
  methods: z.array(z.string()),
  clientId: z.string().optional(),
});
export type SessionStarted = z.infer<typeof sessionStarted>;

/** Every service refuses tokens that carry this `sid` from now on. */
export const sessionEnded = z.object({
  sessionId: z.uuid(),
  userId: z.uuid(),
  reason: z.enum(['signed_out', 'revoked', 'password_changed', 'reuse', 'expired', 'disabled', 'erased']),
});
export type SessionEnded = z.infer<typeof sessionEnded>;

/**
 * Sign-ins that failed within a minute, counted: in a stream of its own in the person's home tenant, or in the operator's
 * tenant where the address is nobody's. Neither address nor network stands in it.
 */
export const signInFailed = z.object({
  userId: z.uuid().optional(),
  reason: z.enum(['unknown', 'password', 'disabled', 'second_factor']),
  count: z.int().min(1),
  firstAt: z.iso.datetime(),
  lastAt: z.iso.datetime(),
});
export type SignInFailed = z.infer<typeof signInFailed>;

/** The end of a person: keys destroyed, sessions and keys ended, memberships left. Old proofs still verify. */
export const userErased = z.object({
  userId: z.uuid(),
  /** What the certificate says was done: counts by kind. */
  destroyed: z.record(z.string(), z.int()),
});
export type UserErased = z.infer<typeof userErased>;

export const personEvents = {
  'user.registered': userRegistered,
  'user.email_verified': userEmailVerified,
  'user.profile_changed': userProfileChanged,
  'user.disabled': userDisabled,
  'user.enabled': userEnabled,
  'user.password_changed': userPasswordChanged,
  'user.erased': userErased,
  'session.started': sessionStarted,
  'session.ended': sessionEnded,
  'sign_in.failed': signInFailed,
} as const;
