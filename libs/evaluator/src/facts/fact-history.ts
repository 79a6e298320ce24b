import type { Entity, EntityFacts, FactChange, Grant, Relationship, Subject, TenantFacts } from '../model.js';
import { readable } from './node.js';
import { PastNode, type Span } from './past-node.js';
import { type PastNodes, PastView } from './past-view.js';

const ever = Number.POSITIVE_INFINITY;

/**
 * The facts of one tenant at every step: what was so is kept with when it was. Steps never fall; several changes may
 * share one.
 *
 * @example
 * const history = new FactHistory('acme');
 * history.apply(1, { kind: 'granted', grant });
 * history.at(0).held(grant.subject) // []
 * history.at(1).held(grant.subject) // [grant]
 */
export class FactHistory {
  readonly #byType = new Map<string, Map<string, PastNode>>();
  /** What is so now, by the name under which it ends: grant ids of this and other tenants. */
  readonly #grants = new Map<string, readonly Span<unknown>[]>();
  readonly #foreign = new Map<string, Map<string, Span<Subject>>>();
  /** Steps at which a container changed, in order. */
  readonly #containerSteps: number[] = [];
  readonly #onAll: Span<Grant>[] = [];
  readonly #nodes: PastNodes;

  constructor(readonly tenantId: string) {
    this.#nodes = {
      tenantId,
      onAll: this.#onAll,
      find: ({ type, id }) => this.#byType.get(type)?.get(id),
      ofType: (type) => this.#byType.get(type)?.values() ?? [],
    };
  }

  /** As of the end of a step. A view is cheap, and knows nothing of later steps. */
  at(step: number): TenantFacts {
    return new PastView(this.#nodes, step, this.#epochAt(step));
  }

  /** How many changes of containers there were up to a step. */
  #epochAt(step: number): number {
    let low = 0;
    let high = this.#containerSteps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#containerSteps[middle] ?? 0) <= step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Of another tenant only grants on `*` count: they make members of that organization. */
  apply(step: number, change: FactChange, tenantId = this.tenantId): void {
    if (tenantId !== this.tenantId) this.#elsewhere(step, tenantId, change);
    else if (change.kind === 'granted') this.#granted(step, change.grant);
    else if (change.kind === 'revoked') this.#revoked(step, change.grantId);
    else if (change.kind === 'joined') this.#joined(step, change.group, change.member);
    else if (change.kind === 'left') this.#left(step, change.group, change.member);
    else if (change.kind === 'described') this.#described(step, readable(change.facts));
    else if (change.kind === 'forgotten') this.#forgotten(step, change.entity);
    else if (change.kind === 'related') this.#related(step, change.relationship);
    else if (change.kind === 'unrelated') this.#unrelated(step, change.relationship);
  }

  #elsewhere(step: number, tenantId: string, change: FactChange): void {
    const grants = this.#foreign.get(tenantId) ?? new Map<string, Span<Subject>>();
    this.#foreign.set(tenantId, grants);
    const grantId =
      change.kind === 'granted' ? change.grant.id : change.kind === 'revoked' ? change.grantId : undefined;
    const before = grantId === undefined ? undefined : grants.get(grantId);
    if (grantId !== undefined && before) {
      end([before], step);
      grants.delete(grantId);
    }
    if (change.kind !== 'granted' || change.grant.scope !== '*') return;
    const span = begin<Subject>({ type: 'org', id: tenantId }, step);
    this.#make(change.grant.subject).organizations.push(span);
    grants.set(change.grant.id, span);
  }

  #granted(step: number, { id, subject, role, scope }: Grant): void {
    this.#revoked(step, id);
    const node = this.#make(subject);
    const on = scope === '*' ? undefined : this.#make(scope);
    const span = begin<Grant>({ id, subject: node.entity, role, scope: on?.entity ?? '*' }, step);
    node.addGrant(span);
    node.asSubject.push(span);
    on?.asResource.push(span);
    (on?.scoped ?? this.#onAll).push(span);
    this.#grants.set(id, [span]);
  }

  #revoked(step: number, grantId: string): void {
    end(this.#grants.get(grantId) ?? [], step);
    this.#grants.delete(grantId);
  }

  #joined(step: number, group: Subject, member: Subject): void {
    const node = this.#make(member);
    const of = this.#make(group);
    if (node.groups.some((span) => span.value === of && span.to === ever)) return;
    const span = begin(of, step);
    node.groups.push(span);
    node.asSubject.push(span);
    of.members.push(begin(node.entity, step));
  }

  #left(step: number, group: Subject, member: Subject): void {
    const of = this.#nodes.find(group);
    const node = this.#nodes.find(member);
    if (!of || !node) return;
    end(
      node.groups.filter(({ value }) => value === of),
      step,
    );
    end(
      of.members.filter(({ value }) => value === node.entity),
      step,
    );
  }

  #described(step: number, facts: EntityFacts): void {
    this.#forgotten(step, facts.entity);
    const node = this.#make(facts.entity);
    const parents = [...new Set(facts.parents.map((parent) => this.#make(parent)))];
    const owner = facts.owner && this.#make(facts.owner);
    const span = begin(facts, step);
    node.asSubject.push(span);
    for (const known of [node, ...parents]) known.asResource.push(span);
    owner?.asSubject.push(span);
    const { type, id } = node.entity;
    const itself = begin(node.entity, step);
    for (const parent of parents) parent.children.push(itself);
    owner?.owned.push(itself);
    const version = { from: step, facts, parents, spans: [span, itself] };
    // The tenant itself as owner: what is its own is everybody's by their grants.
    if (!owner || owner.entity.type === 'org') node.versions.push(version);
    else {
      const ownership = { id: `owner:${type}/${id}`, subject: owner.entity, role: 'owner', scope: node.entity };
      node.versions.push({ ...version, owner, ownership });
    }
    if (parents.length > 0) this.#containerSteps.push(step);
  }

  #forgotten(step: number, entity: Entity): void {
    const node = this.#nodes.find(entity);
    const last = node?.versions.at(-1);
    if (!node || !last?.facts) return;
    end(last.spans, step);
    node.versions.push({ from: step, facts: undefined, parents: [], spans: [] });
    if (last.parents.length > 0) this.#containerSteps.push(step);
  }

  #related(step: number, { subject, relation, resource }: Relationship): void {
    const node = this.#make(subject);
    const to = this.#make(resource);
    node.relations ??= new Map();
    const spans = node.relations.get(to) ?? [];
    node.relations.set(to, spans);
    if (spans.some(({ value, to: until }) => value === relation && until === ever)) return;
    const span = begin(relation, step);
    spans.push(span);
    node.asSubject.push(span);
    to.asResource.push(span);
  }

  #unrelated(step: number, { subject, relation, resource }: Relationship): void {
    const to = this.#nodes.find(resource);
    const spans = to && this.#nodes.find(subject)?.relations?.get(to);
    end(spans?.filter(({ value }) => value === relation) ?? [], step);
  }

  #make({ type, id }: Entity): PastNode {
    const known = this.#byType.get(type)?.get(id);
    if (known) return known;
    const ofType = this.#byType.get(type) ?? new Map<string, PastNode>();
    const node = new PastNode(type, id);
    this.#byType.set(type, ofType.set(id, node));
    return node;
  }
}

const begin = <T>(value: T, from: number): Span<T> => ({ value, from, to: ever });

function end(spans: readonly Span<unknown>[], step: number): void {
  for (const span of spans) if (span.to === ever) span.to = step;
}
