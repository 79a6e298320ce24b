import { type MemberRole, memberRole, memberRoles } from '@gatehouse/contracts';
import { safeParse } from '@gatehouse/schema';

/** 0 for an owner; the higher, the less. Somebody without a role ranks below everybody. */
export const rankOf = (role: MemberRole | undefined): number =>
  role === undefined ? memberRoles.length : memberRoles.indexOf(role);

/** Whether `role` is more than somebody of `own` may give, take or touch. @example isAbove('owner', 'admin') // true */
export const isAbove = (role: MemberRole, own: MemberRole | undefined): boolean => rankOf(role) < rankOf(own);

/** The highest of some roles; other words, such as custom roles of a key, do not count. */
export const highestRole = (roles: readonly string[]): MemberRole | undefined =>
  memberRoles.find((role) => roles.includes(role));

export const isMemberRole = (text: string): text is MemberRole => safeParse(memberRole, text).success;
