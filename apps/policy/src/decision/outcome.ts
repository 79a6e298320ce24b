import type { Noted, PolicyMode } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import {
  type CompiledPolicy,
  type Decision,
  evaluate,
  isWithinScopes,
  ownActions,
  type RateLimitRule,
  type RecordedPart,
  type Request,
  recordedPart,
  type TenantFacts,
} from '@gatehouse/evaluator';
import type { RateRefusal } from '../rate/rate-limiter.js';
import { recordableRequests } from './identifiers.js';
import type { Asked, Question } from './question.js';

/** What decides: policy and facts of one tenant at one position. */
export interface Moment {
  readonly policy: CompiledPolicy;
  readonly facts: TenantFacts;
  readonly position: string;
  readonly mode: PolicyMode;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** The moment as it was asked for; absent: now. */
  readonly asOf?: string;
}

/** What decided in a tenant at another moment: a position, or a time of RFC 3339. */
export type PastMoments = (tenantId: string, asOf: string) => Promise<Moment>;

/** One question decided. Identifiers and attributes are as they may be recorded, which is how they were decided on. */
export interface Outcome extends Omit<Decision, 'limits'> {
  readonly request: Request;
  readonly given?: RecordedPart;
  readonly noted?: Noted;
  /** What was allowed before was asked about: no limit counts it. */
  readonly again?: true;
  /** Limits to be consumed before a permit counts; afterwards those that were, or the one that refused. */
  readonly limits?: readonly RateLimitRule[];
  readonly refusal?: RateRefusal;
  /** The answer is yes and the policy says no, for `reason`. */
  readonly mode?: 'audit_only';
}

const enforcedHere: ReadonlySet<string> = new Set(ownActions);

const outOfScope: Decision = { decision: false, reason: 'out_of_scope', matched: [] };

/**
 * Decides questions at one moment. Pure. A question about the past consumes nothing and obliges nobody: nothing is enforced
 * by its answer.
 */
export function deciderAt(moment: Moment, pepper: Pepper): (question: Question) => Outcome {
  const { policy, facts, nowMs, asOf } = moment;
  const recordable = recordableRequests(pepper);
  return (question) => {
    const request = recordable(question);
    if (!isWithinScopes(question.scopes, question.action)) return { ...outOfScope, request };
    const { limits, obligations, decision, reason, matched } = evaluate(policy, facts, request, nowMs);
    const given = recordedPart(policy, request);
    const outcome = given ? { request, decision, reason, matched, given } : { request, decision, reason, matched };
    if (asOf !== undefined) return outcome;
    if (question.again) return { ...outcome, again: true, ...(obligations && { obligations }) };
    if (!limits && !obligations) return outcome;
    return { ...outcome, ...(limits && { limits }), ...(obligations && { obligations }) };
  };
}

export const decideAt = (moment: Moment, question: Question, pepper: Pepper): Outcome =>
  deciderAt(moment, pepper)(question);

/** A permit that a rate limit refuses. What a permit would have obliged to falls with it. */
export const rateLimited = ({ request, given, limits = [] }: Outcome, refusal: RateRefusal): Outcome => ({
  request,
  ...(given && { given }),
  decision: false,
  reason: 'rate_limited',
  matched: [],
  limits: limits.filter(({ id }) => id === refusal.id),
  refusal,
});

/**
 * What is answered in a tenant that only audits: yes, and what the policy said. Only to the tenant's enforcement points,
 * only now, and never of what Gatehouse itself guards: otherwise the mode would be every right at once.
 */
export function inMode(outcome: Outcome, { mode, asOf }: Moment, { auditable }: Pick<Asked, 'auditable'>): Outcome {
  if (mode !== 'audit_only' || !auditable || asOf !== undefined || outcome.decision) return outcome;
  if (outcome.reason === 'out_of_scope' || enforcedHere.has(outcome.request.action.name)) return outcome;
  return { ...outcome, decision: true, mode };
}
