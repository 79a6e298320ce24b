import { createHash } from 'node:crypto';
import type { Entity, Envelope, RoleGranted } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

/** One subject holding one role on one scope. The same three always make the same grant, so granting twice is one. */
export type Grant =
  | { readonly status: 'none' }
  | { readonly status: 'active'; readonly granted: RoleGranted }
  | { readonly status: 'revoked'; readonly granted: RoleGranted };

export const grantDecider: Decider<Grant> = {
  initialState: { status: 'none' },
  evolve: (state, event: Envelope): Grant => {
    if (event.type === 'role.granted') return { status: 'active', granted: event.data as unknown as RoleGranted };
    if (event.type === 'role.revoked' && state.status !== 'none') return { ...state, status: 'revoked' };
    return state;
  },
};

export interface GrantTerms {
  readonly subject: Entity;
  readonly role: string;
  /** `*`, or `type/name`. */
  readonly scope: string;
}

/** 132 bits of SHA-256 over the terms: the name of the grant and of its stream. */
export const grantIdOf = ({ subject, role, scope }: GrantTerms): string =>
  createHash('sha256')
    .update(JSON.stringify([subject.type, subject.id, role, scope]))
    .digest('base64url')
    .slice(0, 22);

export const grantStream = (grantId: string): string => `grant:${grantId}`;
