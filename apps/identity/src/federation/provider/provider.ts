import type { Envelope, IdpConfigured } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

/** Somebody else's issuer as a tenant configured it. What it is called and where it is never changes; the rest may. */
export type Provider =
  | { readonly status: 'none' }
  | { readonly status: 'configured'; readonly config: IdpConfigured; readonly createdAt: string }
  | { readonly status: 'removed' };

export const providerStream = (idpId: string): string => `idp:${idpId}`;

function evolve(state: Provider, { type, data, occurredAt }: Envelope): Provider {
  if (type === 'idp.removed') return { status: 'removed' };
  if (type !== 'idp.configured') return state;
  const createdAt = state.status === 'configured' ? state.createdAt : occurredAt;
  return { status: 'configured', config: data as IdpConfigured, createdAt };
}

export const providerDecider: Decider<Provider> = { initialState: { status: 'none' }, evolve };
