import type { Person } from '../../person/people.service.js';
import type { Memberships } from '../../tenancy/memberships.service.js';

/** The tenant that tokens of a session act in. */
export interface ActingTenant {
  readonly tenantId: string;
  readonly name: string;
  /** Nobody acts in it without a second factor. */
  readonly requireSecondFactor: boolean;
}

/**
 * The wanted tenant; without a wish the person's only organization, or home where there is none or more than one.
 * Undefined where the person cannot act in it, whether it exists or not. Somebody who left the home tenant acts in one of
 * the others.
 */
export async function chooseTenant(
  memberships: Memberships,
  { userId, homeTenantId }: Person,
  wanted?: string,
): Promise<ActingTenant | undefined> {
  if (wanted !== undefined) return memberships.of(wanted, userId);
  const some = await memberships.tenantsOf(userId, { limit: 3 });
  const organizations = some.filter(({ kind }) => kind === 'organization');
  if (organizations.length === 1 && some.length < 3) return organizations[0];
  return (await memberships.of(homeTenantId, userId)) ?? some[0];
}
