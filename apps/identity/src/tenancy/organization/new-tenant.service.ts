import { type CommandContext, type EventStore, handle } from '@gatehouse/event-store';
import { personalTenantId } from '../../person/people.service.js';
import { refusal } from '../refusals.js';
import { createTenant } from './create-tenant/create-tenant.js';
import { tenantDecider, tenantStream } from './tenant.js';

/** Stands in an event in clear, so it is not the person's own name. */
const personalName = 'Personal workspace';

/**
 * Makes the personal workspace of somebody, with that person as its owner; one that exists stays. To be called inside
 * `store.together(personalTenantId(userId), ...)`, beside the person's `user.registered`.
 */
export async function createPersonalWorkspace(
  log: EventStore,
  context: CommandContext,
  { userId }: { readonly userId: string },
): Promise<void> {
  const tenantId = personalTenantId(userId);
  await handle(log, tenantDecider, {
    streamId: tenantStream(tenantId),
    context: { ...context, tenantId },
    decide: (tenant) => createTenant({ name: personalName, ownerId: userId, kind: 'personal' }, tenant),
  });
}

export interface NewOrganization {
  readonly name: string;
  readonly ownerId: string;
}

/**
 * Makes the organization `context.tenantId`; the stream's first revision is what makes its id unique, for ever.
 *
 * @throws Refusal `tenant_id_taken`
 */
export function createOrganization(
  log: EventStore,
  context: CommandContext,
  { name, ownerId }: NewOrganization,
  commandId?: string,
) {
  return handle(log, tenantDecider, {
    streamId: tenantStream(context.tenantId),
    context,
    ...(commandId !== undefined && { commandId }),
    decide: (tenant) => {
      if (tenant.status !== 'none') throw refusal('tenant_id_taken');
      return createTenant({ name, ownerId, kind: 'organization' }, tenant);
    },
  });
}
