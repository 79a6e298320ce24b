import { type CompiledPolicy, compile, type Decision, evaluate, type TenantFacts } from '@gatehouse/evaluator';
import type { RecordedDecision } from './recorded-decision.js';
import { boundsOf, unrecordedPaths } from './unrecorded.js';

/** What the policy answers at least and at most, whatever stood in the attributes that were not recorded. */
export interface Answers {
  readonly least: Decision;
  readonly most: Decision;
}

interface View {
  readonly least: CompiledPolicy;
  readonly most: CompiledPolicy;
  readonly unknown: readonly string[];
}

const mostViews = 32;

/** A policy that is asked what others were asked. */
export class Candidate {
  readonly #policy: CompiledPolicy;
  /** By digest of the version that recorded. */
  readonly #views = new Map<string, View | undefined>();

  constructor(policy: CompiledPolicy) {
    this.#policy = policy;
  }

  /** `then`: the version that recorded, which says what of a request was kept; undefined: nothing is known to be. */
  answers({ request, nowMs, policy }: RecordedDecision, facts: TenantFacts, then: CompiledPolicy | undefined): Answers {
    const view = then?.digest === this.#policy.digest ? undefined : this.#viewOf(policy, then);
    if (!view) {
      const decision = evaluate(this.#policy, facts, request, nowMs);
      return { least: decision, most: decision };
    }
    return { least: evaluate(view.least, facts, request, nowMs), most: evaluate(view.most, facts, request, nowMs) };
  }

  /** Paths that the policy reads and the version did not record. */
  unknownTo(digest: string): readonly string[] {
    return this.#views.get(digest)?.unknown ?? [];
  }

  #viewOf(digest: string, then: CompiledPolicy | undefined): View | undefined {
    if (this.#views.has(digest)) return this.#views.get(digest);
    if (this.#views.size >= mostViews) this.#views.clear();
    const view = this.#makeView(then);
    this.#views.set(digest, view);
    return view;
  }

  /** Undefined: all that the policy reads was recorded. */
  #makeView(then: CompiledPolicy | undefined): View | undefined {
    const { document, digest, recorded } = this.#policy;
    const unknown = unrecordedPaths(recorded, then?.recorded ?? []);
    if (unknown.length === 0 || !document) return undefined;
    const { least, most } = boundsOf(document, (path) => unknown.includes(path));
    return { least: compile({ digest, document: least }), most: compile({ digest, document: most }), unknown };
  }
}
