import type { Subject } from './model.js';

const none: readonly Subject[] = [];

/** Members differ by type and id; a name with a NUL is refused where subjects are parsed. */
const nameOf = ({ type, id }: Subject): string => `${type}\0${id}`;

/**
 * Which groups (teams) a subject belongs to, of all tenants, in memory. Groups do not nest. Joining twice is joining
 * once, and leaving what one never joined changes nothing: events may come twice.
 *
 * @example
 * const groups = new GroupIndex();
 * groups.join('acme', { type: 'team', id: 'web' }, { type: 'user', id: 'u_7' });
 */
export class GroupIndex {
  readonly #tenants = new Map<string, Map<string, readonly Subject[]>>();

  join(tenantId: string, group: Subject, member: Subject): void {
    const members = this.#tenants.get(tenantId) ?? new Map<string, readonly Subject[]>();
    this.#tenants.set(tenantId, members);
    const held = members.get(nameOf(member)) ?? none;
    if (!held.some((each) => nameOf(each) === nameOf(group))) members.set(nameOf(member), [...held, group]);
  }

  leave(tenantId: string, group: Subject, member: Subject): void {
    const members = this.#tenants.get(tenantId);
    const left = members?.get(nameOf(member))?.filter((each) => nameOf(each) !== nameOf(group)) ?? none;
    if (left.length > 0) members?.set(nameOf(member), left);
    else members?.delete(nameOf(member));
    if (members?.size === 0) this.#tenants.delete(tenantId);
  }

  /** The list never changes: a later change makes another list. */
  of(tenantId: string, member: Subject): readonly Subject[] {
    return this.#tenants.get(tenantId)?.get(nameOf(member)) ?? none;
  }
}
