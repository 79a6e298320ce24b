import { closedTypes, type Entity, type EntityFacts, type Grant } from '../model.js';

export const noGrants: readonly Grant[] = [];
export const noNodes: readonly Node[] = [];

/** How many grants of one holder are looked through one by one before they are indexed by scope. */
const indexedFrom = 16;

/** Everything known of one entity of one tenant. There is one node for a name, so names are compared by identity. */
export class Node {
  readonly entity: Entity;
  facts: EntityFacts | undefined = undefined;
  /** Its own grants as subject. Never changed once it was handed out. */
  grants: readonly Grant[] = noGrants;
  /** The same by scope; present from {@link indexedFrom} grants on. */
  byScope: Map<Grant['scope'], Grant[]> | undefined = undefined;
  /** Groups it is a direct member of. */
  groups: readonly Node[] = noNodes;
  parents: readonly Node[] = noNodes;
  /** What its owner holds on it. */
  ownership: Grant | undefined = undefined;
  owner: Node | undefined = undefined;
  /** The other ends: grants on it, members of it, what it contains and owns. */
  scoped: Grant[] | undefined = undefined;
  members: Node[] | undefined = undefined;
  children: Node[] | undefined = undefined;
  owned: Node[] | undefined = undefined;
  /** As subject: relations to resources. */
  relations: Map<Node, readonly string[]> | undefined = undefined;
  /** Reasons to be known as a subject, as a resource, and to be kept for another's sake. */
  asSubject = 0;
  asResource = 0;
  pins = 0;
  /** Of the epoch in which they were worked out; see `TenantIndex`. */
  ancestors: readonly Node[] = noNodes;
  ancestorsEpoch = -1;

  constructor(type: string, id: string) {
    this.entity = { type, id };
  }

  get isUnused(): boolean {
    return this.asSubject === 0 && this.asResource === 0 && this.pins === 0;
  }

  addGrant(grant: Grant): void {
    this.grants = [...this.grants, grant];
    if (this.byScope) this.#index(grant);
    else if (this.grants.length > indexedFrom) {
      this.byScope = new Map();
      for (const each of this.grants) this.#index(each);
    }
  }

  removeGrant(grant: Grant): void {
    this.grants = this.grants.filter((each) => each !== grant);
    if (!this.byScope) return;
    const left = this.byScope.get(grant.scope)?.filter((each) => each !== grant) ?? [];
    if (left.length > 0) this.byScope.set(grant.scope, left);
    else this.byScope.delete(grant.scope);
  }

  #index(grant: Grant): void {
    const same = this.byScope?.get(grant.scope);
    if (same) same.push(grant);
    else this.byScope?.set(grant.scope, [grant]);
  }

  /** Appends the own grants whose scope covers a resource, given with all that contains it. */
  collect(on: Node | undefined, above: readonly Node[], into: Grant[]): void {
    if (this.byScope) {
      append(this.byScope.get('*'), into);
      if (on) append(this.byScope.get(on.entity), into);
      for (const { entity } of above) append(this.byScope.get(entity), into);
      return;
    }
    for (const grant of this.grants) {
      const { scope } = grant;
      if (scope === '*' || (on !== undefined && (scope === on.entity || isAmong(above, scope)))) into.push(grant);
    }
  }
}

/** The list without one of its entries; their order means nothing. */
export function without<T>(list: T[] | undefined, entry: T): T[] | undefined {
  const at = list?.indexOf(entry) ?? -1;
  if (!list || at < 0) return list;
  const last = list.pop();
  if (at < list.length) list[at] = last as T;
  return list.length > 0 ? list : undefined;
}

export function including<T>(list: T[] | undefined, entry: T): T[] {
  if (!list) return [entry];
  list.push(entry);
  return list;
}

function append(grants: readonly Grant[] | undefined, into: Grant[]): void {
  if (grants) for (const grant of grants) into.push(grant);
}

function isAmong(nodes: readonly Node[], entity: Entity): boolean {
  for (const node of nodes) if (node.entity === entity) return true;
  return false;
}

/** What may be read of a description: Gatehouse's own resources have no owner and no container. */
export const readable = (facts: EntityFacts): EntityFacts =>
  closedTypes.has(facts.entity.type)
    ? { entity: facts.entity, labels: facts.labels, properties: facts.properties, parents: [] }
    : facts;
