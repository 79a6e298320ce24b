import { createHash } from 'node:crypto';
import type { Entity, Envelope } from '@gatehouse/contracts';
import type { Decider, NewEvent } from '@gatehouse/event-store';

/** One member of one group: a stream of its own, so that a large team is no long stream. */
export type GroupMember = { readonly status: 'none' | 'joined' | 'left' };

export interface Membership {
  readonly group: Entity;
  readonly member: Entity;
}

export const groupMemberDecider: Decider<GroupMember> = {
  initialState: { status: 'none' },
  evolve: (state, { type }: Envelope): GroupMember => {
    if (type === 'group.joined') return { status: 'joined' };
    return type === 'group.left' ? { status: 'left' } : state;
  },
};

/** 132 bits of SHA-256 over group and member. */
export const membershipStream = ({ group, member }: Membership): string =>
  `membership:${createHash('sha256')
    .update(JSON.stringify([group.type, group.id, member.type, member.id]))
    .digest('base64url')
    .slice(0, 22)}`;

/** Joining twice is joining once. */
export const joinGroup =
  (membership: Membership) =>
  ({ status }: GroupMember): readonly NewEvent[] =>
    status === 'joined' ? [] : [{ type: 'group.joined', version: 1, data: membership }];

export const leaveGroup =
  (membership: Membership) =>
  ({ status }: GroupMember): readonly NewEvent[] =>
    status === 'joined' ? [{ type: 'group.left', version: 1, data: membership }] : [];
