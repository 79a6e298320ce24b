import {
  type CompiledCedar,
  type CompiledPolicy,
  compile,
  compileCedar,
  type Decision,
  evaluate,
  type PolicyDocument,
  type TenantFacts,
} from '@gatehouse/evaluator';
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
  /** Cedar policies that read what was not recorded: they are in neither of the two. */
  readonly cedar: CompiledCedar | undefined;
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
    const least = evaluate(view.least, facts, request, nowMs);
    const most = evaluate(view.most, facts, request, nowMs);
    if (most.reason === 'forbidden' || !speaksOf(view.cedar, request.action.name)) return { least, most };
    return { least: { ...least, decision: false }, most: { ...most, decision: true } };
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
    const cedarRules = (document.rules ?? []).filter((rule) => rule.type === 'cedar');
    const blind = cedarRules.filter((rule) => compileCedar([rule]).reads.some((path) => unknown.includes(path)));
    const without = { ...document, rules: (document.rules ?? []).filter((rule) => !blind.some((one) => one === rule)) };
    const { least, most } = boundsOf(without, (path) => unknown.includes(path));
    const compiled = (bound: PolicyDocument) => compile({ digest, document: bound });
    const cedar = blind.length > 0 ? compileCedar(blind) : undefined;
    return { least: compiled(least), most: compiled(most), cedar, unknown };
  }
}

/** For `policy.*` no document is read. */
const speaksOf = (cedar: CompiledCedar | undefined, action: string): boolean =>
  cedar !== undefined && !action.startsWith('policy.') && cedar.speaksOf(action) !== undefined;
