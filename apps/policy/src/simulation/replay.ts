import { type CompiledPolicy, type Decision, evaluate, type TenantFacts } from '@gatehouse/evaluator';
import { type Answers, Candidate } from './candidate.js';
import type { RecordedDecision } from './recorded-decision.js';
import { ReplayedLimits } from './replayed-limits.js';
import { type Example, exampleOf, ruleName, type Side, SideTally, tallyLimits } from './tally.js';

export interface ReplayResult {
  readonly decisions: number;
  readonly newlyAllowed: Side;
  readonly newlyDenied: Side;
  /** The answer hangs on attributes that the candidate reads and the record does not hold. */
  readonly undecidable: {
    readonly total: number;
    /** Of these the ones whose version is not known any more. */
    readonly unknownVersion: number;
    readonly paths: readonly string[];
    readonly examples: readonly Example[];
  };
}

export type Outcome = 'same' | 'newly_allowed' | 'newly_denied' | 'undecidable';

/**
 * What a candidate would have answered to what was asked. `active`: each decision under the version that was active then, which
 * must give what was recorded. Facts and versions are handed in, decision by decision, in the order of the log.
 */
export class Replay {
  readonly #candidate: Candidate | 'active';
  readonly #limits: ReplayedLimits;
  readonly #newlyAllowed = new SideTally();
  readonly #newlyDenied = new SideTally();
  readonly #paths = new Set<string>();
  readonly #examples: Example[] = [];
  #undecidable = 0;
  #unknownVersion = 0;
  #decisions = 0;

  constructor(tenantId: string, candidate: CompiledPolicy | 'active') {
    this.#candidate = candidate === 'active' ? candidate : new Candidate(candidate);
    this.#limits = new ReplayedLimits(tenantId);
  }

  /** `then`: the version that was evaluated; undefined if it is not known any more. */
  add(recorded: RecordedDecision, facts: TenantFacts, then: CompiledPolicy | undefined): Outcome {
    this.#decisions += 1;
    // A credential that is limited to other actions stays so, whatever the policy.
    if (recorded.reason === 'out_of_scope') return 'same';
    const after = this.#decide(recorded, facts, then);
    if (!after) return this.#cannotTell(recorded, then);
    if (after.decision === recorded.isPermitted) return 'same';
    const shown = { reason: after.reason, matched: after.matched.map(ruleName) };
    if (after.decision) this.#newlyAllowed.add(recorded, shown, shown.matched);
    else this.#newlyDenied.add(recorded, shown, recorded.matched);
    return after.decision ? 'newly_allowed' : 'newly_denied';
  }

  result(): ReplayResult {
    return {
      decisions: this.#decisions,
      newlyAllowed: this.#newlyAllowed.side(),
      newlyDenied: this.#newlyDenied.side(),
      undecidable: {
        total: this.#undecidable,
        unknownVersion: this.#unknownVersion,
        paths: [...this.#paths].sort(),
        examples: this.#examples,
      },
    };
  }

  #decide(recorded: RecordedDecision, facts: TenantFacts, then: CompiledPolicy | undefined): Decision | undefined {
    const answers = this.#answers(recorded, facts, then);
    if (!answers || answers.least.decision !== answers.most.decision) return undefined;
    const { least, most } = answers;
    if (!least.limits || this.#limits.admits(recorded, least.limits, then)) return least;
    // Refused by a limit of which it is not known whether it applies.
    if ((most.limits?.length ?? 0) < least.limits.length) return undefined;
    return { ...least, decision: false, reason: 'rate_limited' };
  }

  #answers(recorded: RecordedDecision, facts: TenantFacts, then: CompiledPolicy | undefined): Answers | undefined {
    if (this.#candidate !== 'active') return this.#candidate.answers(recorded, facts, then);
    if (!then) return undefined;
    const decision = evaluate(then, facts, recorded.request, recorded.nowMs);
    return { least: decision, most: decision };
  }

  #cannotTell(recorded: RecordedDecision, then: CompiledPolicy | undefined): 'undecidable' {
    this.#undecidable += 1;
    if (!then) this.#unknownVersion += 1;
    const unknown = this.#candidate === 'active' ? [] : this.#candidate.unknownTo(recorded.policy);
    for (const path of unknown) if (this.#paths.size < tallyLimits.shown) this.#paths.add(path);
    const shown = { reason: 'undecidable', matched: [] };
    if (this.#examples.length < tallyLimits.examples) this.#examples.push(exampleOf(recorded, shown));
    return 'undecidable';
  }
}
