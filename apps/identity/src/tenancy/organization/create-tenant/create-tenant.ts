import type { TenantCreated } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { Tenant, TenantKind } from '../tenant.js';

export interface CreateTenant {
  readonly name: string;
  readonly ownerId: string;
  /** An organization unless it says otherwise. */
  readonly kind?: TenantKind;
}

/** Makes the tenant of a stream that does not exist yet; one that exists keeps its owner and its name. */
export function createTenant({ name, ownerId, kind }: CreateTenant, state: Tenant): readonly NewEvent[] {
  if (state.status !== 'none') return [];
  const data: TenantCreated = { name, ownerId, ...(kind && { kind }) };
  return [{ type: 'tenant.created', version: 1, data }];
}
