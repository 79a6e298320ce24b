import type { UserDisabled, UserEnabled } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { User } from '../user.js';

/** Disables a person; anybody else cannot sign in anyway. */
export function disableUser({ reason }: { readonly reason?: string | undefined }, state: User): readonly NewEvent[] {
  if (state.status !== 'registered') return [];
  const data: UserDisabled = { userId: state.userId, ...(reason !== undefined && { reason }) };
  return [{ type: 'user.disabled', version: 1, data }];
}

export function enableUser(state: User): readonly NewEvent[] {
  if (state.status !== 'disabled') return [];
  return [{ type: 'user.enabled', version: 1, data: { userId: state.userId } satisfies UserEnabled }];
}
