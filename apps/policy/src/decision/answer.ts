import type { MatchedRule, Reason } from '@gatehouse/evaluator';
import type { RecordedDecision } from './decision-point.js';

/** An answer in AuthZEN's shape. `evidence` is what was read; with `id` the ledger proves it. */
export const toAnswer = ({ decision, id, reason, policy, facts, matched, needed }: RecordedDecision): Answer => ({
  decision,
  context: {
    id,
    reason,
    evidence: {
      policy,
      facts,
      matched,
      ...(needed && { needed }),
    },
  },
});

export interface Answer {
  readonly decision: boolean;
  readonly context: {
    readonly id: string;
    readonly reason: Reason;
    readonly evidence: {
      readonly policy: string;
      readonly facts: string;
      readonly matched: readonly MatchedRule[];
      readonly needed?: readonly string[];
    };
  };
}

export type AnswerOrError = Answer | { decision: false; context: { error: { status: number; message: string } } };
