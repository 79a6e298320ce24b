import type { MatchedRule } from '@gatehouse/evaluator';
import type { RecordedDecision } from './recorded-decision.js';

export const tallyLimits = { examples: 50, keys: 2_000, shown: 100 } as const;

export interface Example {
  /** Of the decision: `<event id>`, in a batch `<event id>.<n>`. */
  readonly id: string;
  readonly at: string;
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
  readonly before: { readonly reason: string; readonly matched: readonly string[] };
  readonly after: { readonly reason: string; readonly matched: readonly string[] };
}

export interface Counted {
  readonly name: string;
  readonly count: number;
}

/** The decisions that came out differently in one way. */
export interface Side {
  readonly total: number;
  /** Of the rules that permit: those of the candidate for what is newly allowed, the recorded ones for what is newly denied. */
  readonly byRole: readonly Counted[];
  /** The same by rule of the tenant's own policy. */
  readonly byRule: readonly Counted[];
  readonly byResourceType: readonly Counted[];
  readonly byAction: readonly Counted[];
  readonly bySubject: readonly Counted[];
  readonly examples: readonly Example[];
}

export const ruleName = (match: MatchedRule): string =>
  'role' in match ? `${match.role}#${match.rule}@${match.grant}` : match.policy;

/** A rule of evidence, read back: `developer#2@g_1`, or the id of a rule of the policy. */
export function readRuleName(name: string): { role: string; rule: number; grant: string } | { policy: string } {
  const [, role, rule, grant] = /^([^#@]+)#(\d+)@(.+)$/s.exec(name) ?? [];
  return role && rule && grant ? { role, rule: Number(rule), grant } : { policy: name };
}

/** Counts of names; whoever invents names without end is counted under `other`. */
export class Counts {
  readonly #counts = new Map<string, number>();
  #other = 0;

  add(name: string): void {
    const count = this.#counts.get(name);
    if (count === undefined && this.#counts.size >= tallyLimits.keys) this.#other += 1;
    else this.#counts.set(name, (count ?? 0) + 1);
  }

  /** Most frequent first; what is not shown is summed up as `other`. */
  list(): readonly Counted[] {
    const sorted = [...this.#counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const shown = sorted.slice(0, tallyLimits.shown).map(([name, count]) => ({ name, count }));
    const rest = sorted.slice(tallyLimits.shown).reduce((sum, [, count]) => sum + count, this.#other);
    return rest > 0 ? [...shown, { name: 'other', count: rest }] : shown;
  }
}

export class SideTally {
  #total = 0;
  readonly #examples: Example[] = [];
  readonly #by = {
    byRole: new Counts(),
    byRule: new Counts(),
    byResourceType: new Counts(),
    byAction: new Counts(),
    bySubject: new Counts(),
  };

  get total(): number {
    return this.#total;
  }

  add(recorded: RecordedDecision, after: Example['after'], permittedBy: readonly string[]): void {
    const { subject, action, resource } = recorded.request;
    this.#total += 1;
    const rules = permittedBy.map(readRuleName);
    for (const role of new Set(rules.flatMap((rule) => ('role' in rule ? [rule.role] : [])))) this.#by.byRole.add(role);
    for (const rule of rules) if ('policy' in rule) this.#by.byRule.add(rule.policy);
    this.#by.byResourceType.add(resource.type);
    this.#by.byAction.add(action.name);
    this.#by.bySubject.add(`${subject.type}/${subject.id}`);
    if (this.#examples.length < tallyLimits.examples) this.#examples.push(exampleOf(recorded, after));
  }

  side(): Side {
    const { byRole, byRule, byResourceType, byAction, bySubject } = this.#by;
    return {
      total: this.#total,
      byRole: byRole.list(),
      byRule: byRule.list(),
      byResourceType: byResourceType.list(),
      byAction: byAction.list(),
      bySubject: bySubject.list(),
      examples: this.#examples,
    };
  }
}

export function exampleOf(recorded: RecordedDecision, after: Example['after']): Example {
  const { subject, action, resource } = recorded.request;
  return {
    id: recorded.id,
    at: new Date(recorded.decidedAtMs).toISOString(),
    subject: `${subject.type}/${subject.id}`,
    action: action.name,
    resource: `${resource.type}/${resource.id}`,
    before: { reason: recorded.reason, matched: recorded.matched },
    after,
  };
}
