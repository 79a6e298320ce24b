import type { SealedField, UserRegistered } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { User } from '../user.js';

export interface RegisterUser {
  readonly userId: string;
  /** Sealed under the person's own key before it gets here: a decide function never sees an address. */
  readonly email: SealedField;
  readonly name?: SealedField;
}

export function registerUser({ userId, email, name }: RegisterUser, state: User): readonly NewEvent[] {
  if (state.status !== 'none') return [];
  const sealed = { email, ...(name && { name }) };
  return [{ type: 'user.registered', version: 1, data: { userId } satisfies UserRegistered, sealed }];
}
