import type { SealedField, UserRegistered } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { User } from '../user.js';

export interface RegisterUser {
  readonly userId: string;
  /** Sealed under the person's own key before it gets here: a decide function never sees an address. */
  readonly email: SealedField;
  readonly name?: SealedField;
  /** False: the address is only what somebody said. Absent: somebody vouches for it. */
  readonly verified?: boolean;
  readonly via?: UserRegistered['via'];
}

export function registerUser(command: RegisterUser, state: User): readonly NewEvent[] {
  if (state.status !== 'none') return [];
  const { userId, email, name, verified, via } = command;
  const data: UserRegistered = { userId, ...(verified !== undefined && { verified }), ...(via && { via }) };
  const sealed = { email, ...(name && { name }) };
  return [{ type: 'user.registered', version: 1, data, sealed }];
}
