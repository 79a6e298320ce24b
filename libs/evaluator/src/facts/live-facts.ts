import type { FactChange, Grant, Subject, TenantFacts } from '../model.js';
import type { Pause } from './sorted-names.js';
import { TenantIndex } from './tenant-index.js';

const none: readonly Subject[] = [];

/**
 * The facts of all tenants in memory. One projection writes them in the order of its log; deciding only reads. Applying
 * a change twice changes nothing.
 *
 * @example
 * const facts = new LiveFacts();
 * facts.apply('acme', { kind: 'granted', grant: { id: 'g_1', subject: { type: 'user', id: 'u_7' }, role: 'viewer', scope: '*' } });
 * evaluate(policy, facts.tenant('acme'), request, Date.now());
 */
export class LiveFacts {
  readonly #tenants = new Map<string, TenantIndex>();
  /** Subject type, subject id, `org/<tenant>`: how many grants on `*`. */
  readonly #memberships = new Map<string, Map<string, Map<Subject, number>>>();
  readonly #names = new Map<string, Subject>();
  readonly #organizations = (subject: Subject): readonly Subject[] => {
    const of = this.#memberships.get(subject.type)?.get(subject.id);
    return of ? [...of.keys()] : none;
  };
  readonly #empty = new TenantIndex(this.#organizations);
  #size = 0;
  #changes = 0;

  /** How many grants there are in all tenants. */
  get size(): number {
    return this.#size;
  }

  apply(tenantId: string, change: FactChange): void {
    const tenant = this.#tenants.get(tenantId) ?? new TenantIndex(this.#organizations);
    const before = tenant.grantCount;
    const replaced = grantOf(tenant, change);
    if (replaced) this.#belong(tenantId, replaced, -1);
    tenant.apply(change);
    tenant.lastChange = ++this.#changes;
    if (change.kind === 'granted') this.#belong(tenantId, change.grant, 1);
    this.#size += tenant.grantCount - before;
    if (tenant.isEmpty) this.#tenants.delete(tenantId);
    else this.#tenants.set(tenantId, tenant);
  }

  /** Read it anew for each decision: a tenant may come and go. */
  tenant(tenantId: string): TenantFacts {
    return this.#tenants.get(tenantId) ?? this.#empty;
  }

  /**
   * Makes the next `subjectIds` or `resourceIds` of a tenant quick: sorting a million names would keep everybody waiting.
   * `pause` resolves when it is our turn again.
   */
  async prepareIds(tenantId: string, which: 'subject' | 'resource', type: string, pause: Pause): Promise<void> {
    await this.#tenants.get(tenantId)?.prepareIds(which, type, pause);
  }

  /** As long as it is the same number in this process, the facts of the tenant are the same. */
  lastChange(tenantId: string): number {
    return this.#tenants.get(tenantId)?.lastChange ?? 0;
  }

  grant(tenantId: string, grantId: string): Grant | undefined {
    return this.#tenants.get(tenantId)?.grant(grantId);
  }

  /** Before a rebuild. */
  clear(): void {
    this.#tenants.clear();
    this.#memberships.clear();
    this.#names.clear();
    this.#size = 0;
  }

  /** Whoever holds a grant on a whole tenant belongs to that organization. */
  #belong(tenantId: string, { subject, scope }: Grant, by: 1 | -1): void {
    if (scope !== '*') return;
    const ofType = this.#memberships.get(subject.type) ?? new Map<string, Map<Subject, number>>();
    const of = ofType.get(subject.id) ?? new Map<Subject, number>();
    const org = this.#names.get(tenantId) ?? { type: 'org', id: tenantId };
    this.#names.set(tenantId, org);
    const count = (of.get(org) ?? 0) + by;
    if (count > 0) of.set(org, count);
    else of.delete(org);
    if (of.size > 0) ofType.set(subject.id, of);
    else ofType.delete(subject.id);
    if (ofType.size > 0) this.#memberships.set(subject.type, ofType);
    else this.#memberships.delete(subject.type);
  }
}

/** The grant that a change ends. */
function grantOf(tenant: TenantIndex, change: FactChange): Grant | undefined {
  if (change.kind === 'granted') return tenant.grant(change.grant.id);
  return change.kind === 'revoked' ? tenant.grant(change.grantId) : undefined;
}
