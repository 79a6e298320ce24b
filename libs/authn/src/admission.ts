import { type EndedSession, endedSessionsKeptHours, type KnownMember, type KnownTenant } from './known-callers.js';
import { NotAuthenticated, type Principal, type TenantChoice } from './principal.js';

const keptMs = endedSessionsKeptHours * 3_600_000;

/** Ways to prove oneself beyond what one knows (RFC 8176, and `rec` for a recovery code). */
const secondFactors: ReadonlySet<string> = new Set(['otp', 'hwk', 'mfa', 'rec']);

const memberKey = (tenantId: string, userId: string): string => `${tenantId}/${userId}`;

/** What stands between a credential that is genuine and a call: is the person still let in, and which tenant is it? */
export class Admission {
  readonly #tenants = new Map<string, KnownTenant>();
  readonly #roles = new Map<string, string>();
  readonly #ended = new Map<string, number>();
  readonly #refused = new Set<string>();

  setTenant(tenant: KnownTenant): void {
    this.#tenants.set(tenant.tenantId, tenant);
  }
  removeTenant(tenantId: string): void {
    this.#tenants.delete(tenantId);
  }
  setMember({ tenantId, userId, role }: KnownMember): void {
    this.#roles.set(memberKey(tenantId, userId), role);
  }
  /** @param key `<tenant>/<user>` */
  removeMember(key: string): void {
    this.#roles.delete(key);
  }
  refuse(userId: string): void {
    this.#refused.add(userId);
  }
  letIn(userId: string): void {
    this.#refused.delete(userId);
  }

  /** @param nowMs Unix time in milliseconds; what ended so long ago that no token can carry it is forgotten */
  endSession({ sessionId, endedAt }: EndedSession, nowMs: number): void {
    for (const [known, atMs] of this.#ended) {
      if (atMs >= nowMs - keptMs) break;
      this.#ended.delete(known);
    }
    this.#ended.set(sessionId, endedAt.getTime());
  }

  clear(): void {
    for (const all of [this.#tenants, this.#roles, this.#ended, this.#refused]) all.clear();
  }

  /** The role somebody has in a tenant; undefined for who is no member. */
  roleOf(tenantId: string, userId: string): string | undefined {
    return this.#roles.get(memberKey(tenantId, userId));
  }

  /**
   * The principal in the tenant it acts in: the credential's own, or the one that the caller chose. A choice is only ever
   * among tenants that the caller belongs to. @throws NotAuthenticated
   */
  admit(found: Principal, choice: TenantChoice): Principal {
    if (found.type === 'user' && this.#refused.has(found.id)) throw new NotAuthenticated('disabled', found);
    if (found.sessionId !== undefined && this.#ended.has(found.sessionId)) throw new NotAuthenticated('ended', found);
    const tenantId = chosenTenant(choice, found);
    if (found.tenantFixed && tenantId !== found.tenantId) throw new NotAuthenticated('not_member', found);
    return found.type === 'user' ? this.#admitPerson(found, tenantId, choice) : this.#admitService(found, tenantId);
  }

  /** A service or a device belongs to the tenant it was made in and to no other. */
  #admitService(found: Principal, tenantId: string): Principal {
    if (tenantId === found.tenantId) {
      if (this.#tenants.get(tenantId)?.closed) throw new NotAuthenticated('disabled', found);
      return found;
    }
    throw new NotAuthenticated(this.#isOpen(tenantId) ? 'not_member' : 'tenant_unknown', found);
  }

  #admitPerson(found: Principal, tenantId: string, { withoutSecondFactor }: TenantChoice): Principal {
    if (!this.#isOpen(tenantId)) throw new NotAuthenticated('tenant_unknown', found);
    if (this.roleOf(tenantId, found.id) === undefined) throw new NotAuthenticated('not_member', found);
    if (!withoutSecondFactor && this.#lacksSecondFactor(found, tenantId))
      throw new NotAuthenticated('second_factor', found);
    return tenantId === found.tenantId ? found : { ...found, tenantId };
  }

  /**
   * A key has no second factor: making it in a tenant that asks for one took one. A key that was made elsewhere says
   * nothing of that, so it does not open this tenant: who knows a password alone could have made it.
   */
  #lacksSecondFactor({ keyId, tenantId: own, methods = [] }: Principal, tenantId: string): boolean {
    if (this.#tenants.get(tenantId)?.secondFactor !== true) return false;
    return keyId === undefined ? !methods.some((method) => secondFactors.has(method)) : own !== tenantId;
  }

  #isOpen(tenantId: string): boolean {
    return this.#tenants.get(tenantId)?.closed === false;
  }
}

/** Two names for one choice; an empty header is none. */
function chosenTenant({ tenantId, tenantName }: TenantChoice, found: Principal): string {
  if (tenantId && tenantName && tenantId !== tenantName) throw new NotAuthenticated('tenant_ambiguous', found);
  return tenantId || tenantName || found.tenantId;
}
