import { canonicalText as text } from '@gatehouse/crypto';
import type { FieldError, Needed, Obligation, Parsed, Reason, Request } from '@gatehouse/evaluator';
import type { DecidedBatch, DecidedItem, RecordedDecision } from './decision-point.js';
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

export interface ItemError {
  readonly decision: false;
  readonly context: { readonly error: { readonly status: number; readonly message: string } };
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

const toError = (status: number, message: string): ItemError => ({
  decision: false,
  context: { error: { status, message } },
});

/** What is wrong with an item; it is neither decided nor recorded. */
export const badItem = (errors: readonly FieldError[]): ItemError =>
  toError(400, errors.map(({ path, message }) => `${path} ${message}`).join('; '));

export const answerText = (recorded: RecordedDecision): string => JSON.stringify(toAnswer(recorded));

/**
 * The answers in the order of the items, as JSON. A bad item counts as a deny. Nearly all are a yes or no with the rules that
 * matched: those are written part by part, which takes half the time of making objects for `JSON.stringify`.
 */
export function batchAnswerText(
  { semantic }: Batch,
  items: readonly Parsed<Request>[],
  recorded: DecidedBatch,
): string {
  const { policy, facts, asOf, decisions } = recorded;
  let answer = '{';
  if (decisions.length > 0) answer += `"context":${JSON.stringify({ policy, facts, ...past(asOf, facts) })},`;
  answer += '"evaluations":[';
  let decided = 0;
  for (const [i, item] of items.entries()) {
    const next = item.ok ? decisions[decided++] : undefined;
    if (item.ok && !next) break;
    answer += `${i > 0 ? ',' : ''}${item.ok ? decidedText(next as DecidedItem) : JSON.stringify(badItem(item.errors))}`;
    if (endsBatch(semantic, next !== undefined && 'outcome' in next && next.outcome.decision)) break;
  }
  return `${answer}]}`;
}

function decidedText(item: DecidedItem): string {
  if ('tooLarge' in item) return JSON.stringify(toError(413, 'is too large to be recorded'));
  const { id, outcome } = item;
  const { decision, reason, matched, obligations, mode, refusal } = outcome;
  const rules = matched.length > 0 ? matchedText(matched) : '';
  const more = obligations || mode || refusal ? `,${JSON.stringify(extras(outcome)).slice(1, -1)}` : '';
  return `{"decision":${decision},"context":{"id":"${id}","reason":"${reason}"${rules}${more}}}`;
}

function matchedText(matched: Outcome['matched']): string {
  let list = '';
  for (const match of matched) {
    const before = list === '' ? ',"matched":[' : `${list},`;
    list =
      'role' in match
        ? `${before}{"effect":"${match.effect}","role":"${text(match.role)}","rule":${match.rule},"grant":"${text(match.grant)}"}`
        : `${before}{"effect":"${match.effect}","policy":"${text(match.policy)}"}`;
  }
  return `${list}]`;
}
