import type { PolicyActivated, PolicyMode, PolicySettingsChanged } from '@gatehouse/contracts';
import { type FactChange, FactHistory, type TenantFacts } from '@gatehouse/evaluator';
import { factChangeOf, isFactType } from '../facts/fact-events.js';
import { FactsUnavailable } from '../facts/guarded-facts.js';
import type { Moment } from './as-of.js';
import type { PastEvent } from './tenant-log.js';
import { Timeline } from './timeline.js';

/** By which version and how a tenant decided from a step on. */
export interface PolicyStep {
  readonly step: number;
  /** null: the built-in roles alone. */
  readonly digest: string | null;
  readonly mode: PolicyMode;
}

const builtinOnly: PolicyStep = { step: 0, digest: null, mode: 'strict' };

/** Everything that decided in one tenant at every moment: a fold of its log in which no step is lost. */
export class TenantHistory {
  readonly timeline = new Timeline();
  readonly #facts: FactHistory;
  readonly #policies: PolicyStep[] = [builtinOnly];
  /** Of other tenants: what is revoked must have been granted here. */
  readonly #foreignGrants = new Set<string>();
  #failure: Error | undefined;
  /** An organization was named of which this history does not know who belonged to it. */
  isIncomplete = false;

  constructor(
    readonly tenantId: string,
    /** Other tenants whose members this history knows. */
    readonly organizations: ReadonlySet<string>,
  ) {
    this.#facts = new FactHistory(tenantId);
  }

  /** Events, and so also roughly the memory. */
  get size(): number {
    return this.timeline.steps;
  }

  /** Versions that were active at some time. */
  get digests(): ReadonlySet<string | null> {
    return new Set(this.#policies.map(({ digest }) => digest));
  }

  /** An event behind all others. One that can't be applied closes the history from there on, see {@link factsAt}. */
  add(event: PastEvent): void {
    try {
      if (event.tenantId !== this.tenantId) this.#addForeign(event);
      else if (isFactType(event.type)) this.#addFact(event, factChangeOf(event.type, event.data));
      else this.#addPolicy(event, this.#step(event));
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  stepOf(moment: Moment): number {
    return moment.kind === 'time' ? this.timeline.stepAtTime(moment.us) : this.timeline.stepAtPosition(moment.position);
  }

  /** @throws FactsUnavailable when an event could not be applied: what it took away is not known */
  factsAt(step: number): TenantFacts {
    if (this.#failure)
      throw new FactsUnavailable('an event of this tenant could not be applied', { cause: this.#failure });
    return this.#facts.at(step);
  }

  policyAt(step: number): PolicyStep {
    let [low, high] = [0, this.#policies.length];
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if ((this.#policies[middle]?.step ?? 0) <= step) low = middle;
      else high = middle;
    }
    return this.#policies[low] ?? builtinOnly;
  }

  #step({ position, recordedAtUs }: PastEvent): number {
    return this.timeline.add(position, recordedAtUs);
  }

  #addFact(event: PastEvent, change: FactChange | undefined): void {
    const step = this.#step(event);
    if (change) this.#apply(step, change);
  }

  #apply(step: number, change: FactChange): void {
    const { subject } =
      change.kind === 'granted'
        ? change.grant
        : change.kind === 'related'
          ? change.relationship
          : { subject: undefined };
    if (subject?.type === 'org' && subject.id !== this.tenantId && !this.organizations.has(subject.id))
      this.isIncomplete = true;
    this.#facts.apply(step, change);
  }

  #addForeign(event: PastEvent): void {
    if (event.type !== 'role.granted' && event.type !== 'role.revoked') return;
    const change = factChangeOf(event.type, event.data);
    const name = `${event.tenantId} ${change?.kind === 'granted' ? change.grant.id : change?.kind === 'revoked' ? change.grantId : ''}`;
    if (change?.kind === 'granted' && change.grant.scope === '*') this.#foreignGrants.add(name);
    else if (change?.kind !== 'revoked' || !this.#foreignGrants.delete(name)) return;
    this.#facts.apply(this.#step(event), change, event.tenantId);
  }

  #addPolicy({ type, data }: PastEvent, step: number): void {
    const last = this.#policies.at(-1) ?? builtinOnly;
    this.#policies.push(
      type === 'policy.activated'
        ? { ...last, step, digest: (data as PolicyActivated).digest }
        : { ...last, step, mode: (data as PolicySettingsChanged).mode },
    );
  }
}
