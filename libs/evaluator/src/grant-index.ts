import type { Grant, Subject } from './model.js';

interface TenantGrants {
  readonly byId: Map<string, Grant>;
  /** Subject type, then subject id: nested, since joined texts could agree where the pairs do not. */
  readonly bySubject: Map<string, Map<string, readonly Grant[]>>;
}

const none: readonly Grant[] = [];

/**
 * The grants of all tenants in memory, found by tenant and subject in constant time. One projection writes it; deciding
 * only reads. A grant is replaced by another of the same id, so applying an event twice changes nothing.
 *
 * @example
 * const grants = new GrantIndex();
 * grants.apply('acme', { id: 'g_1', subject: { type: 'user', id: 'u_7' }, role: 'viewer', scope: '*' });
 */
export class GrantIndex {
  readonly #tenants = new Map<string, TenantGrants>();
  #size = 0;

  /** How many grants there are in all tenants. */
  get size(): number {
    return this.#size;
  }

  apply(tenantId: string, grant: Grant): void {
    this.remove(tenantId, grant.id);
    const tenant = this.#tenants.get(tenantId) ?? { byId: new Map(), bySubject: new Map() };
    const ofType = tenant.bySubject.get(grant.subject.type) ?? new Map<string, readonly Grant[]>();
    this.#tenants.set(tenantId, tenant);
    tenant.byId.set(grant.id, grant);
    tenant.bySubject.set(grant.subject.type, ofType);
    ofType.set(grant.subject.id, [...(ofType.get(grant.subject.id) ?? none), grant]);
    this.#size++;
  }

  /** False if there was no such grant. */
  remove(tenantId: string, grantId: string): boolean {
    const tenant = this.#tenants.get(tenantId);
    const grant = tenant?.byId.get(grantId);
    if (!tenant || !grant) return false;
    tenant.byId.delete(grantId);
    const ofType = tenant.bySubject.get(grant.subject.type);
    const left = ofType?.get(grant.subject.id)?.filter((held) => held !== grant) ?? none;
    if (left.length > 0) ofType?.set(grant.subject.id, left);
    else ofType?.delete(grant.subject.id);
    if (ofType?.size === 0) tenant.bySubject.delete(grant.subject.type);
    if (tenant.byId.size === 0) this.#tenants.delete(tenantId);
    this.#size--;
    return true;
  }

  get(tenantId: string, grantId: string): Grant | undefined {
    return this.#tenants.get(tenantId)?.byId.get(grantId);
  }

  /** What a subject holds in one tenant. The list never changes: a later grant makes another list. */
  of(tenantId: string, subject: Subject): readonly Grant[] {
    return this.#tenants.get(tenantId)?.bySubject.get(subject.type)?.get(subject.id) ?? none;
  }

  /** Before a rebuild. */
  clear(): void {
    this.#tenants.clear();
    this.#size = 0;
  }
}
