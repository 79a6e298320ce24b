import type { Envelope, UserRegistered } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

/** What is known of a person without any of the person's own data: that stays sealed in the event. */
export type User = { readonly status: 'none' } | { readonly status: 'registered'; readonly userId: string };

export const userStream = (userId: string): string => `user:${userId}`;

function evolve(state: User, event: Envelope): User {
  if (event.type !== 'user.registered') return state;
  return { status: 'registered', userId: (event.data as UserRegistered).userId };
}

export const userDecider: Decider<User> = { initialState: { status: 'none' }, evolve };
