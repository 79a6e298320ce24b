import { fold, writeEvent } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import { type Tenant, tenantDecider } from '../tenant.js';
import { createTenant } from './create-tenant.js';

const ownerId = '0190a1b2-0000-7000-8000-000000000001';
const command = { name: 'Main', ownerId };
const context = { tenantId: 'main', actor: { type: 'gatehouse', id: 'identity' }, now: 1_000, correlationId: 'c' };

describe('create a tenant', () => {
  it('records name and owner of a new tenant', () => {
    expect(createTenant(command, { status: 'none' })).toEqual([
      { type: 'tenant.created', version: 1, data: { name: 'Main', ownerId } },
    ]);
  });

  it('leaves a tenant that exists as it is', () => {
    const events = createTenant(command, { status: 'none' }).map(
      (event, i) => writeEvent(event, 'tenant:main', i + 1, context).envelope,
    );
    const tenant: Tenant = fold(tenantDecider, events);
    expect(tenant).toEqual({
      status: 'active',
      tenantId: 'main',
      name: 'Main',
      kind: 'organization',
      ownerId,
      requireSecondFactor: false,
      createdAt: '1970-01-01T00:00:01.000Z',
    });
    expect(createTenant({ name: 'Other', ownerId: crypto.randomUUID() }, tenant)).toEqual([]);
  });
});
