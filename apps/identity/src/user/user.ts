import type { Envelope, UserRegistered } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

interface Registered {
  readonly userId: string;
}

/** What is known of a person without any of the person's own data: that stays sealed in the event. */
export type User =
  | { readonly status: 'none' }
  | (Registered & { readonly status: 'pending' })
  | (Registered & { readonly status: 'registered' })
  | (Registered & { readonly status: 'disabled' })
  | (Registered & { readonly status: 'erased' });

export const userStream = (userId: string): string => `user:${userId}`;

function registered({ data }: Envelope): User {
  const { userId, verified } = data as unknown as UserRegistered;
  return { status: verified === false ? 'pending' : 'registered', userId };
}

type Status = Exclude<User['status'], 'none'>;

interface Change {
  readonly from: readonly Status[];
  readonly to: Status;
}

/** From which status each event leads to which; in any other it changes nothing. */
const changes: Readonly<Record<string, Change>> = {
  'user.email_verified': { from: ['pending'], to: 'registered' },
  'user.disabled': { from: ['pending', 'registered'], to: 'disabled' },
  'user.enabled': { from: ['disabled'], to: 'registered' },
  'user.erased': { from: ['pending', 'registered', 'disabled'], to: 'erased' },
};

function evolve(state: User, event: Envelope): User {
  if (event.type === 'user.registered') return registered(event);
  const change = changes[event.type];
  if (!change || state.status === 'none' || !change.from.includes(state.status)) return state;
  return { userId: state.userId, status: change.to };
}

export const userDecider: Decider<User> = { initialState: { status: 'none' }, evolve };
