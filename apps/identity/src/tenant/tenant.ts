import type { Envelope, TenantCreated } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

export type Tenant =
  | { readonly status: 'none' }
  | {
      readonly status: 'active';
      readonly tenantId: string;
      readonly name: string;
      readonly ownerId: string;
      readonly createdAt: string;
    };

export const tenantStream = (tenantId: string): string => `tenant:${tenantId}`;

function evolve(state: Tenant, event: Envelope): Tenant {
  if (event.type !== 'tenant.created') return state;
  const { name, ownerId } = event.data as TenantCreated;
  return { status: 'active', tenantId: event.tenantId, name, ownerId, createdAt: event.occurredAt };
}

export const tenantDecider: Decider<Tenant> = { initialState: { status: 'none' }, evolve };
