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
 * The wanted tenant, or home. Undefined where the person cannot act in it, whether it exists or not. Somebody who left
 * the home tenant acts in one of the others.
 */
export async function chooseTenant(
  memberships: Memberships,
  { userId, homeTenantId }: Person,
  wanted?: string,
): Promise<ActingTenant | undefined> {
  const chosen = await memberships.of(wanted ?? homeTenantId, userId);
  if (chosen || wanted !== undefined) return chosen;
  const [first] = await memberships.tenantsOf(userId, { limit: 1 });
  return first;
}
