import type { Envelope, FederationRequested, SealedField } from '@gatehouse/contracts';
import type { Decider, NewEvent } from '@gatehouse/event-store';
import { refusal } from '../federation-refusals.js';

/** Somebody new who waits for a yes. `userId` is who it will be. */
export type FederationRequest =
  | { readonly status: 'none' }
  | ({ readonly status: 'pending' | 'approved' | 'rejected' } & FederationRequested);

export const requestStream = (userId: string): string => `federation:${userId}`;

const statusAfter: Readonly<Record<string, 'pending' | 'approved' | 'rejected'>> = {
  'federation.requested': 'pending',
  'federation.approved': 'approved',
  'federation.rejected': 'rejected',
};

export const requestDecider: Decider<FederationRequest> = {
  initialState: { status: 'none' },
  evolve: (state: FederationRequest, { type, data }: Envelope): FederationRequest => {
    const status = statusAfter[type];
    return status ? { status, ...(data as FederationRequested) } : state;
  },
};

export const requestEntry = (request: FederationRequested, email: SealedField): readonly NewEvent[] => [
  { type: 'federation.requested', version: 1, data: request, sealed: { email } },
];

/** Once decided it stays decided; the same answer again changes nothing. @throws Refusal `federation_decided` */
export function decideRequest(answer: 'approved' | 'rejected', state: FederationRequest): readonly NewEvent[] {
  if (state.status === 'none') throw refusal('not_found');
  if (state.status === answer) return [];
  if (state.status !== 'pending') throw refusal('federation_decided');
  const { status: _past, ...data } = state;
  return [{ type: `federation.${answer}`, version: 1, data }];
}
