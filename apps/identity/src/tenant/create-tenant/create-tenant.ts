import type { TenantCreated } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { Tenant } from '../tenant.js';

export interface CreateTenant {
  readonly name: string;
  readonly ownerId: string;
}

/** Makes the tenant of a stream that does not exist yet; one that exists keeps its owner and its name. */
export function createTenant({ name, ownerId }: CreateTenant, state: Tenant): readonly NewEvent[] {
  if (state.status !== 'none') return [];
  return [{ type: 'tenant.created', version: 1, data: { name, ownerId } satisfies TenantCreated }];
}
