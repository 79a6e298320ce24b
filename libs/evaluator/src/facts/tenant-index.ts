import {
  type About,
  type Entity,
  type EntityFacts,
  type FactChange,
  factLimits,
  type Grant,
  type Relationship,
  type Resource,
  type Scope,
  type Subject,
  type TenantFacts,
} from '../model.js';
import { including, Node, noGrants, noNodes, readable, without } from './node.js';
import { type Pause, SortedNames } from './sorted-names.js';

/** Tenants in which a subject holds a grant on `*`, as `org/<tenant>`: the one thing that is read across tenants. */
export type Organizations = (subject: Subject) => readonly Subject[];

interface Names {
  readonly asSubject: SortedNames;
  readonly asResource: SortedNames;
}

const noNames: readonly string[] = [];

const entitiesOf = (nodes: readonly Node[] = noNodes): readonly Entity[] => nodes.map(({ entity }) => entity);

/** What the subject, or a group of it, holds by owning. */
function addOwnership({ owner, ownership }: Node, subject: Node, into: Grant[]): void {
  if (ownership && owner && (owner === subject || subject.groups.includes(owner))) into.push(ownership);
}

/** The facts of one tenant, indexed to be read in constant time. One projection writes it. */
export class TenantIndex implements TenantFacts {
  readonly #organizations: Organizations;
  readonly #nodes = new Map<string, Map<string, Node>>();
  readonly #grants = new Map<string, Grant>();
  readonly #roles = new Map<string, string>();
  readonly #names = new Map<string, Names>();
  /** Grants held by organizations: without any, nobody's organizations matter to what he holds. */
  #organizationGrants = 0;
  /** Counts changes of containers: older ancestors are worked out again. */
  #epoch = 0;
  /** Set by its owner. */
  lastChange = 0;

  constructor(organizations: Organizations) {
    this.#organizations = organizations;
  }

  get grantCount(): number {
    return this.#grants.size;
  }

  get isEmpty(): boolean {
    return this.#nodes.size === 0;
  }

  grant(grantId: string): Grant | undefined {
    return this.#grants.get(grantId);
  }

  // ---- changes --------------------------------------------------------------------------------------------------

  apply(change: FactChange): void {
    if (change.kind === 'granted') this.#granted(change.grant);
    else if (change.kind === 'revoked') this.#revoked(change.grantId);
    else if (change.kind === 'joined') this.#joined(change.group, change.member);
    else if (change.kind === 'left') this.#left(change.group, change.member);
    else if (change.kind === 'described') this.#described(readable(change.facts));
    else if (change.kind === 'forgotten') this.#forgotten(change.entity);
    else if (change.kind === 'related') this.#related(change.relationship);
    else if (change.kind === 'unrelated') this.#unrelated(change.relationship);
  }

  #granted({ id, subject, role, scope }: Grant): void {
    this.#revoked(id);
    const node = this.#make(subject);
    const on = scope === '*' ? undefined : this.#make(scope);
    const name = this.#roles.get(role) ?? role;
    this.#roles.set(name, name);
    const grant: Grant = { id, subject: node.entity, role: name, scope: on?.entity ?? '*' };
    this.#grants.set(id, grant);
    node.addGrant(grant);
    this.#count(node, 'asSubject', 1);
    if (on) {
      on.scoped = including(on.scoped, grant);
      this.#count(on, 'asResource', 1);
    }
    if (subject.type === 'org') this.#organizationGrants++;
  }

  #revoked(grantId: string): void {
    const grant = this.#grants.get(grantId);
    if (!grant) return;
    this.#grants.delete(grantId);
    const node = this.#make(grant.subject);
    node.removeGrant(grant);
    this.#count(node, 'asSubject', -1);
    if (grant.scope !== '*') {
      const on = this.#make(grant.scope);
      on.scoped = without(on.scoped, grant);
      this.#count(on, 'asResource', -1);
    }
    if (grant.subject.type === 'org') this.#organizationGrants--;
  }

  #joined(group: Subject, member: Subject): void {
    const node = this.#make(member);
    const of = this.#make(group);
    if (node.groups.includes(of)) return;
    node.groups = [...node.groups, of];
    of.members = including(of.members, node);
    this.#count(node, 'asSubject', 1);
    this.#count(of, 'pins', 1);
  }

  #left(group: Subject, member: Subject): void {
    const node = this.#find(member);
    const of = this.#find(group);
    if (!node || !of || !node.groups.includes(of)) return;
    node.groups = node.groups.filter((each) => each !== of);
    of.members = without(of.members, node);
    this.#count(node, 'asSubject', -1);
    this.#count(of, 'pins', -1);
  }

  #described(facts: EntityFacts): void {
    this.#forgotten(facts.entity);
    const node = this.#make(facts.entity);
    node.facts = facts;
    this.#count(node, 'asSubject', 1);
    this.#count(node, 'asResource', 1);
    node.parents = [...new Set(facts.parents.map((parent) => this.#make(parent)))];
    for (const parent of node.parents) {
      parent.children = including(parent.children, node);
      this.#count(parent, 'asResource', 1);
    }
    if (node.parents.length > 0) this.#epoch++;
    const { type, id } = node.entity;
    if (!facts.owner) return;
    node.owner = this.#make(facts.owner);
    node.owner.owned = including(node.owner.owned, node);
    this.#count(node.owner, 'asSubject', 1);
    // The tenant itself: what is its own is everybody's by their grants.
    if (facts.owner.type === 'org') return;
    node.ownership = { id: `owner:${type}/${id}`, subject: node.owner.entity, role: 'owner', scope: node.entity };
  }

  #forgotten(entity: Entity): void {
    const node = this.#find(entity);
    if (!node?.facts) return;
    const { parents, owner } = node;
    node.facts = undefined;
    node.parents = noNodes;
    node.owner = undefined;
    node.ownership = undefined;
    if (parents.length > 0) this.#epoch++;
    for (const parent of parents) {
      parent.children = without(parent.children, node);
      this.#count(parent, 'asResource', -1);
    }
    if (owner) {
      owner.owned = without(owner.owned, node);
      this.#count(owner, 'asSubject', -1);
    }
    this.#count(node, 'asSubject', -1);
    this.#count(node, 'asResource', -1);
  }

  #related({ subject, relation, resource }: Relationship): void {
    const node = this.#make(subject);
    const to = this.#make(resource);
    node.relations ??= new Map();
    const before = node.relations.get(to) ?? noNames;
    if (before.includes(relation)) return;
    node.relations.set(to, [...before, relation]);
    this.#count(node, 'asSubject', 1);
    this.#count(to, 'asResource', 1);
  }

  #unrelated({ subject, relation, resource }: Relationship): void {
    const node = this.#find(subject);
    const to = this.#find(resource);
    const before = to && node?.relations?.get(to);
    if (!node?.relations || !to || !before?.includes(relation)) return;
    const left = before.filter((each) => each !== relation);
    if (left.length > 0) node.relations.set(to, left);
    else node.relations.delete(to);
    if (node.relations.size === 0) node.relations = undefined;
    this.#count(node, 'asSubject', -1);
    this.#count(to, 'asResource', -1);
  }

  #find({ type, id }: Entity): Node | undefined {
    return this.#nodes.get(type)?.get(id);
  }

  #make({ type, id }: Entity): Node {
    const known = this.#nodes.get(type)?.get(id);
    if (known) return known;
    const ofType = this.#nodes.get(type) ?? new Map<string, Node>();
    const node = new Node(type, id);
    this.#nodes.set(type, ofType.set(id, node));
    return node;
  }

  /** Keeps the names of a type right, and lets go of a node that nothing speaks of any more. */
  #count(node: Node, what: 'asSubject' | 'asResource' | 'pins', by: 1 | -1): void {
    node[what] += by;
    const { type, id } = node.entity;
    if (what !== 'pins' && node[what] === (by === 1 ? 1 : 0)) this.#names.get(type)?.[what].change(id, by === 1);
    if (by === 1 || !node.isUnused) return;
    const ofType = this.#nodes.get(type);
    ofType?.delete(id);
    if (ofType?.size !== 0) return;
    this.#nodes.delete(type);
    this.#names.delete(type);
  }

  // ---- what a decision reads ------------------------------------------------------------------------------------

  held(subject: Subject): readonly Grant[] {
    const node = this.#find(subject);
    const own = node?.grants ?? noGrants;
    const others = this.#holders(node, subject).flatMap(({ grants }) => grants);
    return others.length === 0 ? own : [...own, ...others];
  }

  covering(subject: Subject, resource: Resource): readonly Grant[] {
    return this.#covering(this.#find(subject), this.#find(resource), subject);
  }

  about(subject: Subject, resource: Resource): About {
    const node = this.#find(subject);
    const on = this.#find(resource);
    return { covering: this.#covering(node, on, subject), subject: node?.facts, resource: on?.facts };
  }

  #covering(node: Node | undefined, on: Node | undefined, subject: Subject): readonly Grant[] {
    const found: Grant[] = [];
    const above = on === undefined ? noNodes : this.#ancestors(on);
    if (node !== undefined) node.collect(on, above, found);
    const holders = this.#holders(node, subject);
    for (const holder of holders) holder.collect(on, above, found);
    if (on === undefined || node === undefined) return found;
    if (on.ownership !== undefined) addOwnership(on, node, found);
    for (const container of above) addOwnership(container, node, found);
    return found;
  }

  /** Groups and organizations that hold for a subject: itself never, though a group may be said to be a member of itself. */
  #holders(node: Node | undefined, subject: Subject): readonly Node[] {
    const groups = node === undefined ? noNodes : node.groups;
    if (this.#organizationGrants > 0) {
      const organizations = this.#organizations(subject).flatMap((organization) => this.#find(organization) ?? []);
      if (organizations.length > 0)
        return [...new Set([...groups, ...organizations])].filter((holder) => holder !== node);
    }
    return node !== undefined && groups.includes(node) ? groups.filter((group) => group !== node) : groups;
  }

  groups(subject: Subject): readonly Subject[] {
    const groups = (this.#find(subject)?.groups ?? noNodes).map(({ entity }) => entity);
    const isGroup = (org: Subject) => groups.some(({ type, id }) => type === org.type && id === org.id);
    return [...groups, ...this.#organizations(subject).filter((org) => !isGroup(org))];
  }

  entity(of: Entity): EntityFacts | undefined {
    return this.#find(of)?.facts;
  }

  ancestors(of: Resource): readonly Entity[] {
    const node = this.#find(of);
    return node ? this.#ancestors(node).map(({ entity }) => entity) : [];
  }

  /** Remembered until a container changes anywhere in the tenant. */
  #ancestors(node: Node): readonly Node[] {
    if (node.parents.length === 0) return noNodes;
    if (node.ancestorsEpoch === this.#epoch && node.ancestors) return node.ancestors;
    const found = new Set<Node>();
    const queue: Node[] = [node];
    for (let at = 0; at < queue.length && found.size < factLimits.ancestors; at++) {
      for (const parent of queue[at]?.parents ?? noNodes) {
        if (parent === node || found.has(parent) || found.size >= factLimits.ancestors) continue;
        found.add(parent);
        queue.push(parent);
      }
    }
    node.ancestors = [...found];
    node.ancestorsEpoch = this.#epoch;
    return node.ancestors;
  }

  isRelated(subject: Subject, relation: string, resource: Resource): boolean {
    const to = this.#find(resource);
    return (to && this.#find(subject)?.relations?.get(to)?.includes(relation)) ?? false;
  }

  *grantsOn(scope: Scope): Iterable<Grant> {
    // Searches alone ask this: all grants are looked through rather than kept twice.
    if (scope === '*') {
      for (const grant of this.#grants.values()) if (grant.scope === '*') yield grant;
    } else yield* this.#find(scope)?.scoped ?? noGrants;
  }

  members(group: Subject): Iterable<Subject> {
    return entitiesOf(this.#find(group)?.members);
  }

  children(of: Entity): Iterable<Entity> {
    return entitiesOf(this.#find(of)?.children);
  }

  owned(by: Subject): Iterable<Entity> {
    return entitiesOf(this.#find(by)?.owned);
  }

  subjectIds(type: string): readonly string[] {
    return this.#namesOf(type)?.asSubject.all() ?? noNames;
  }

  resourceIds(type: string): readonly string[] {
    return this.#namesOf(type)?.asResource.all() ?? noNames;
  }

  /** Makes the next {@link subjectIds} or {@link resourceIds} quick, and lets others work meanwhile. */
  async prepareIds(which: 'subject' | 'resource', type: string, pause: Pause): Promise<void> {
    await this.#namesOf(type)?.[which === 'subject' ? 'asSubject' : 'asResource'].prepare(pause);
  }

  #namesOf(type: string): Names | undefined {
    const ofType = this.#nodes.get(type);
    if (!ofType) return undefined;
    const known = this.#names.get(type);
    if (known) return known;
    const names = { asSubject: namesOf(ofType, 'asSubject'), asResource: namesOf(ofType, 'asResource') };
    this.#names.set(type, names);
    return names;
  }
}

const namesOf = (nodes: ReadonlyMap<string, Node>, what: keyof Names): SortedNames =>
  new SortedNames(function* () {
    for (const node of nodes.values()) if (node[what] > 0) yield node.entity.id;
  });
