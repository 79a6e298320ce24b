import type { Entity, EntityFacts, Grant, Subject } from '../model.js';

/** Something that was so from a step on, up to but not in another. */
export interface Span<T> {
  readonly value: T;
  readonly from: number;
  to: number;
}

export const isIn = ({ from, to }: Span<unknown>, step: number): boolean => from <= step && step < to;

/** What one description said; the next one (or none) begins a version of its own. */
export interface Version {
  readonly from: number;
  readonly facts: EntityFacts | undefined;
  readonly parents: readonly PastNode[];
  readonly owner?: PastNode;
  readonly ownership?: Grant;
  /** What ends with it. */
  readonly spans: readonly Span<unknown>[];
}

/** How many grants of one holder are looked through one by one before they are indexed by scope. */
const indexedFrom = 16;

/** One entity of one tenant at every step. */
export class PastNode {
  readonly entity: Entity;
  readonly grants: Span<Grant>[] = [];
  byScope: Map<Grant['scope'], Span<Grant>[]> | undefined = undefined;
  readonly groups: Span<PastNode>[] = [];
  /** Organizations it belonged to through a grant of another tenant. */
  readonly organizations: Span<Subject>[] = [];
  readonly versions: Version[] = [];
  relations: Map<PastNode, Span<string>[]> | undefined = undefined;
  /** Reasons to be known as a subject and as a resource. */
  readonly asSubject: Span<unknown>[] = [];
  readonly asResource: Span<unknown>[] = [];
  /** The other ends: grants on it, members of it, what it contained and owned. */
  readonly scoped: Span<Grant>[] = [];
  readonly members: Span<Entity>[] = [];
  readonly children: Span<Entity>[] = [];
  readonly owned: Span<Entity>[] = [];
  ancestors: readonly PastNode[] = [];
  ancestorsEpoch = -1;

  constructor(type: string, id: string) {
    this.entity = { type, id };
  }

  addGrant(span: Span<Grant>): void {
    this.grants.push(span);
    if (this.byScope) this.#index(span);
    else if (this.grants.length > indexedFrom) {
      this.byScope = new Map();
      for (const each of this.grants) this.#index(each);
    }
  }

  #index(span: Span<Grant>): void {
    const same = this.byScope?.get(span.value.scope);
    if (same) same.push(span);
    else this.byScope?.set(span.value.scope, [span]);
  }

  versionAt(step: number): Version | undefined {
    let low = 0;
    let high = this.versions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.versions[middle]?.from ?? 0) <= step) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.versions[low - 1];
  }

  /** Appends the own grants of a step whose scope covers a resource, given with all that contained it. */
  collect(step: number, on: PastNode | undefined, above: readonly PastNode[], into: Grant[]): void {
    if (this.byScope) {
      append(this.byScope.get('*'), step, into);
      if (on) append(this.byScope.get(on.entity), step, into);
      for (const { entity } of above) append(this.byScope.get(entity), step, into);
      return;
    }
    for (const span of this.grants) {
      if (!isIn(span, step)) continue;
      const { scope } = span.value;
      if (scope === '*' || scope === on?.entity || above.some(({ entity }) => entity === scope)) into.push(span.value);
    }
  }
}

function append(spans: readonly Span<Grant>[] | undefined, step: number, into: Grant[]): void {
  if (spans) for (const span of spans) if (isIn(span, step)) into.push(span.value);
}
