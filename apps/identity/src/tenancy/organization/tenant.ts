import type { Envelope, TenantCreated, TenantRenamed, TenantSettingsChanged } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

export type TenantKind = 'personal' | 'organization';

export interface TenantFacts {
  readonly tenantId: string;
  readonly name: string;
  readonly kind: TenantKind;
  /** Who made it, or had it made: the first owner, who may have gone since. */
  readonly ownerId: string;
  readonly requireSecondFactor: boolean;
  readonly createdAt: string;
}

export type Tenant =
  | { readonly status: 'none' }
  | (TenantFacts & { readonly status: 'active' })
  | (TenantFacts & { readonly status: 'closed' });

export const tenantStream = (tenantId: string): string => `tenant:${tenantId}`;

function created({ tenantId, data, occurredAt }: Envelope): Tenant {
  const { name, ownerId, kind = 'organization' } = data as TenantCreated;
  return { status: 'active', tenantId, name, kind, ownerId, requireSecondFactor: false, createdAt: occurredAt };
}

const changes: Readonly<Record<string, (facts: TenantFacts, event: Envelope) => Tenant>> = {
  'tenant.renamed': (facts, { data }) => ({ ...facts, name: (data as TenantRenamed).name, status: 'active' }),
  'tenant.settings_changed': (facts, { data }) => ({
    ...facts,
    requireSecondFactor: (data as TenantSettingsChanged).requireSecondFactor,
    status: 'active',
  }),
  'tenant.closed': (facts) => ({ ...facts, status: 'closed' }),
};

function evolve(state: Tenant, event: Envelope): Tenant {
  if (event.type === 'tenant.created') return created(event);
  return state.status === 'active' ? (changes[event.type]?.(state, event) ?? state) : state;
}

export const tenantDecider: Decider<Tenant> = { initialState: { status: 'none' }, evolve };
