import type { Memberships } from '../../tenancy/memberships.service.js';

export interface Held {
  readonly tenantId: string;
  readonly name: string;
}

/** What somebody must hand over before being erased. */
export class LastOwners {
  readonly #memberships: Memberships;
  readonly #operatorTenant: string;

  constructor(memberships: Memberships, operatorTenant: string) {
    this.#memberships = memberships;
    this.#operatorTenant = operatorTenant;
  }

  /**
   * Organizations that somebody is the last owner of, with others in it; and the operator's tenant even with nobody else
   * in it: it would close, and with it the installation.
   */
  async heldBy(userId: string): Promise<readonly Held[]> {
    const held = await this.#memberships.heldBy(userId);
    const operator = await this.#memberships.of(this.#operatorTenant, userId);
    if (operator?.role !== 'owner' || held.some(({ tenantId }) => tenantId === this.#operatorTenant)) return held;
    const members = await this.#memberships.membersOf(this.#operatorTenant);
    const others = members.filter((member) => member.role === 'owner' && member.userId !== userId);
    return others.length > 0 ? held : [...held, { tenantId: operator.tenantId, name: operator.name }];
  }
}
