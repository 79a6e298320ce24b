import { call } from '@gatehouse/bus';
import { deviceOwner, type Entity } from '@gatehouse/contracts';
import { blindIndex, type Pepper } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';
import type { NatsConnection } from '@nats-io/transport-node';
import type { OwnerReference } from './owner-reference.js';

const timeoutMs = 2_000;

/** A tenant, and who in it. */
export interface FoundOwner {
  readonly tenantId: string;
  readonly owner: Entity;
}

export interface OwnersOptions {
  /** Connections of the system role. */
  readonly query: Query;
  readonly pepper: Pepper;
  readonly bus: () => NatsConnection;
}

/** Who is meant by an owner's name. */
export class Owners {
  constructor(private readonly options: OwnersOptions) {}

  /** Undefined when there is nobody of this name. @throws RpcError when identity cannot be asked */
  async find(reference: OwnerReference): Promise<FoundOwner | undefined> {
    // Both are asked whatever is wanted: how long it takes tells nothing.
    const [person, organization] = await Promise.all([this.#person(reference), this.#organization(reference)]);
    return person ?? organization;
  }

  async #person(reference: OwnerReference): Promise<FoundOwner | undefined> {
    const { pepper, bus } = this.options;
    const text = reference.kind === 'user' ? reference.email : reference.id;
    const { owner } = await call(bus(), deviceOwner, { emailIndex: blindIndex(pepper, 'user.email', text) }, timeoutMs);
    return owner && { tenantId: owner.tenantId, owner: { type: 'user', id: owner.userId } };
  }

  async #organization(reference: OwnerReference): Promise<FoundOwner | undefined> {
    const id = reference.kind === 'org' ? reference.id : '';
    const { rows } = await this.options.query.query<{ tenant_id: string }>(
      `select tenant_id from known_tenants where tenant_id = $1 and not closed and tenant_id not like 'p-%'`,
      [id],
    );
    return rows[0] && { tenantId: id, owner: { type: 'org', id } };
  }
}
