import type { RecordedDecision } from './decision-point.js';

/** An answer in AuthZEN's shape. `evidence` is what was read; with `id` the ledger proves it. */
export const toAnswer = ({ decision, id, reason, policy, facts, matched, needed }: RecordedDecision) => ({
  decision,
  context: {
    id,
    reason,
    evidence: {
      policy,
      facts,
      matched: matched.map(({ effect, role, rule, grant }) => ({ effect, role, rule, grant })),
      ...(needed && { needed }),
    },
  },
});

export type Answer = ReturnType<typeof toAnswer>;
export type AnswerOrError = Answer | { decision: false; context: { error: { status: number; message: string } } };
