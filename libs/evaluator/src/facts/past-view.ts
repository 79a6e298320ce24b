import {
  type About,
  type Entity,
  type EntityFacts,
  factLimits,
  type Grant,
  type Resource,
  type Scope,
  type Subject,
  type TenantFacts,
} from '../model.js';
import { isIn, type PastNode, type Span } from './past-node.js';

const none: readonly PastNode[] = [];

/** What a view reads of its history. */
export interface PastNodes {
  readonly tenantId: string;
  readonly find: (entity: Entity) => PastNode | undefined;
  /** Grants on the whole tenant. */
  readonly onAll: readonly Span<Grant>[];
  readonly ofType: (type: string) => Iterable<PastNode>;
}

/** The facts of one tenant as of the end of one step. Nothing is copied when it is made. */
export class PastView implements TenantFacts {
  readonly #nodes: PastNodes;
  readonly #step: number;
  /** Counts changes of containers up to this step: ancestors of another count are worked out again. */
  readonly #epoch: number;

  constructor(nodes: PastNodes, step: number, epoch: number) {
    this.#nodes = nodes;
    this.#step = step;
    this.#epoch = epoch;
  }

  held(subject: Subject): readonly Grant[] {
    const node = this.#nodes.find(subject);
    const holders = node ? [node, ...this.#holders(node)] : this.#holders(undefined);
    return holders.flatMap(({ grants }) => this.#values(grants));
  }

  covering(subject: Subject, resource: Resource): readonly Grant[] {
    return this.#covering(this.#nodes.find(subject), this.#nodes.find(resource));
  }

  about(subject: Subject, resource: Resource): About {
    const node = this.#nodes.find(subject);
    const on = this.#nodes.find(resource);
    const covering = this.#covering(node, on);
    return { covering, subject: this.#factsOf(node), resource: this.#factsOf(on) };
  }

  #factsOf(node: PastNode | undefined): EntityFacts | undefined {
    return node?.versionAt(this.#step)?.facts;
  }

  #covering(node: PastNode | undefined, on: PastNode | undefined): readonly Grant[] {
    const found: Grant[] = [];
    const above = on ? this.#ancestors(on) : none;
    node?.collect(this.#step, on, above, found);
    for (const holder of this.#holders(node)) holder.collect(this.#step, on, above, found);
    if (!on || !node) return found;
    for (const owned of [on, ...above]) {
      const version = owned.versionAt(this.#step);
      if (version?.ownership && version.owner && this.#isOrIn(node, version.owner)) found.push(version.ownership);
    }
    return found;
  }

  #isOrIn(node: PastNode, owner: PastNode): boolean {
    return node === owner || node.groups.some((span) => span.value === owner && isIn(span, this.#step));
  }

  #values<T>(spans: readonly Span<T>[]): T[] {
    const values: T[] = [];
    for (const span of spans) if (isIn(span, this.#step)) values.push(span.value);
    return values;
  }

  /** Groups and organizations of a subject that are known here. */
  #holders(node: PastNode | undefined): readonly PastNode[] {
    if (!node) return none;
    const groups = this.#values(node.groups);
    const organizations = this.#organizations(node).flatMap((each) => this.#nodes.find(each) ?? []);
    if (groups.length === 0 && organizations.length === 0) return none;
    return [...new Set([...groups, ...organizations])].filter((holder) => holder !== node);
  }

  #organizations(node: PastNode): readonly Subject[] {
    const own = node.grants.some((span) => span.value.scope === '*' && isIn(span, this.#step));
    const others = this.#values(node.organizations);
    const ids = [...(own ? [this.#nodes.tenantId] : []), ...others.map(({ id }) => id)];
    return [...new Set(ids)].map((id) => ({ type: 'org', id }));
  }

  groups(subject: Subject): readonly Subject[] {
    const node = this.#nodes.find(subject);
    if (!node) return [];
    const groups = this.#values(node.groups).map(({ entity }) => entity);
    const isGroup = (org: Subject) => groups.some(({ type, id }) => type === org.type && id === org.id);
    return [...groups, ...this.#organizations(node).filter((org) => !isGroup(org))];
  }

  entity(of: Entity): EntityFacts | undefined {
    return this.#factsOf(this.#nodes.find(of));
  }

  ancestors(of: Resource): readonly Entity[] {
    const node = this.#nodes.find(of);
    return node ? this.#ancestors(node).map(({ entity }) => entity) : [];
  }

  #parents(node: PastNode | undefined): readonly PastNode[] {
    return node?.versionAt(this.#step)?.parents ?? none;
  }

  #ancestors(node: PastNode): readonly PastNode[] {
    if (node.versions.length === 0) return none;
    if (node.ancestorsEpoch === this.#epoch) return node.ancestors;
    const found = new Set<PastNode>();
    const queue: PastNode[] = [node];
    for (let at = 0; at < queue.length && found.size < factLimits.ancestors; at++) {
      for (const parent of this.#parents(queue[at])) {
        if (parent === node || found.has(parent) || found.size >= factLimits.ancestors) continue;
        found.add(parent);
        queue.push(parent);
      }
    }
    node.ancestors = found.size === 0 ? none : [...found];
    node.ancestorsEpoch = this.#epoch;
    return node.ancestors;
  }

  isRelated(subject: Subject, relation: string, resource: Resource): boolean {
    const to = this.#nodes.find(resource);
    const spans = to && this.#nodes.find(subject)?.relations?.get(to);
    return spans?.some((span) => span.value === relation && isIn(span, this.#step)) ?? false;
  }

  grantsOn(scope: Scope): Iterable<Grant> {
    return this.#values(scope === '*' ? this.#nodes.onAll : (this.#nodes.find(scope)?.scoped ?? []));
  }

  members(group: Subject): Iterable<Subject> {
    return this.#values(this.#nodes.find(group)?.members ?? []);
  }

  children(of: Entity): Iterable<Entity> {
    return this.#values(this.#nodes.find(of)?.children ?? []);
  }

  owned(by: Subject): Iterable<Entity> {
    return this.#values(this.#nodes.find(by)?.owned ?? []);
  }

  subjectIds(type: string): readonly string[] {
    return this.#ids(type, ({ asSubject }) => asSubject);
  }

  resourceIds(type: string): readonly string[] {
    return this.#ids(type, ({ asResource }) => asResource);
  }

  #ids(type: string, reasons: (node: PastNode) => readonly Span<unknown>[]): readonly string[] {
    const found: string[] = [];
    for (const node of this.#nodes.ofType(type))
      if (reasons(node).some((span) => isIn(span, this.#step))) found.push(node.entity.id);
    return found.sort();
  }
}
