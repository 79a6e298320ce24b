import type { FieldError, Needed, Obligation, Parsed, Reason, Request } from '@gatehouse/evaluator';
import type { RecordedBatch, RecordedDecision, Unrecorded } from './decision-point.js';
import { type Batch, endsBatch } from './evaluations.js';
import type { Outcome } from './outcome.js';

/** What stands in the context of an answer beside its id and reason, where there is something to say. */
interface Extras {
  /** AuthZEN profile "Obligations". */
  readonly obligations?: readonly Obligation[];
  /** The tenant only audits: this is the answer that its policy would have given. */
  readonly mode?: 'audit_only';
  readonly would?: { readonly decision: false; readonly reason: Reason };
  readonly rate_limit?: { readonly id: string; readonly limit: number; readonly remaining: 0; readonly reset: number };
}

/** An answer in AuthZEN's shape. `evidence` is what was read; with `id` the ledger proves it. */
export interface Answer {
  readonly decision: boolean;
  readonly context: Extras & {
    readonly id: string;
    readonly reason: Reason;
    readonly evidence: {
      readonly policy: string;
      readonly facts: string;
      readonly matched: Outcome['matched'];
      readonly needed?: Needed;
    };
    readonly as_of?: string;
    readonly position?: string;
  };
}

export interface ItemAnswer {
  readonly decision: boolean;
  readonly context: Extras & { readonly id: string; readonly reason: Reason; readonly matched?: Outcome['matched'] };
}
export interface ItemError {
  readonly decision: false;
  readonly context: { readonly error: { readonly status: number; readonly message: string } };
}

/** Policy and position are those of all items, so they stand once. */
export interface BatchAnswer {
  readonly context?: {
    readonly policy: string;
    readonly facts: string;
    readonly as_of?: string;
    readonly position?: string;
  };
  readonly evaluations: readonly (ItemAnswer | ItemError)[];
}

const extras = ({ obligations, mode, reason, refusal }: Outcome): Extras => ({
  ...(obligations && { obligations }),
  ...(mode && { mode, would: { decision: false as const, reason } }),
  ...(refusal && { rate_limit: refusal }),
});

const past = (asOf: string | undefined, position: string) => (asOf === undefined ? {} : { as_of: asOf, position });

export function toAnswer(recorded: RecordedDecision): Answer {
  const { decision, id, reason, policy, facts, matched, needed, asOf } = recorded;
  return {
    decision,
    context: {
      id,
      reason,
      ...extras(recorded),
      evidence: { policy, facts, matched, ...(needed && { needed }) },
      ...past(asOf, facts),
    },
  };
}

const toItem = (outcome: Outcome & { readonly id: string }): ItemAnswer => {
  const { decision, id, reason, matched } = outcome;
  return { decision, context: { id, reason, ...(matched.length > 0 && { matched }), ...extras(outcome) } };
};

const toError = (status: number, message: string): ItemError => ({
  decision: false,
  context: { error: { status, message } },
});

/** What is wrong with an item; it is neither decided nor recorded. */
export const badItem = (errors: readonly FieldError[]): ItemError =>
  toError(400, errors.map(({ path, message }) => `${path} ${message}`).join('; '));

/** The answers in the order of the items. A bad item counts as a deny. */
export function toBatchAnswer(
  { semantic }: Batch,
  items: readonly Parsed<Request>[],
  recorded: RecordedBatch,
): BatchAnswer {
  const { policy, facts, asOf, decisions } = recorded;
  const left = decisions[Symbol.iterator]();
  const evaluations: (ItemAnswer | ItemError)[] = [];
  for (const item of items) {
    const next = item.ok ? answerOf(left.next().value) : badItem(item.errors);
    if (!next) break;
    evaluations.push(next);
    if (endsBatch(semantic, next.decision)) break;
  }
  return { ...(decisions.length > 0 && { context: { policy, facts, ...past(asOf, facts) } }), evaluations };
}

function answerOf(
  decided: (Outcome & { readonly id: string }) | Unrecorded | undefined,
): ItemAnswer | ItemError | undefined {
  if (!decided) return undefined;
  return 'tooLarge' in decided ? toError(413, 'is too large to be recorded') : toItem(decided);
}
