import { canonicalText as text } from '@gatehouse/crypto';
import type { FieldError, Obligation, Parsed, Reason, Request } from '@gatehouse/evaluator';
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

export interface ItemError {
  readonly decision: false;
  readonly context: { readonly error: { readonly status: number; readonly message: string } };
}

const extras = ({ obligations, mode, reason, refusal }: Outcome): Extras => ({
  ...(obligations && { obligations }),
  ...(mode && { mode, would: { decision: false as const, reason } }),
  ...(refusal && { rate_limit: refusal }),
});

const toError = (status: number, message: string): ItemError => ({
  decision: false,
  context: { error: { status, message } },
});

/** What is wrong with an item; it is neither decided nor recorded. */
export const badItem = (errors: readonly FieldError[]): ItemError =>
  toError(400, errors.map(({ path, message }) => `${path} ${message}`).join('; '));

// Answers are written part by part: as objects for `JSON.stringify` they would cost as much as all the rest of a decision.

/**
 * An answer in AuthZEN's shape. `evidence` is what was read; with `id` the ledger proves it. `as_of` is the moment that was
 * asked about, and `position` what it came to.
 */
export function answerText({ id, outcome, at, asOf, needed }: RecordedDecision): string {
  const { decision, reason, matched } = outcome;
  const { policy, facts } = at;
  const lacking = needed ? `,"needed":${JSON.stringify(needed)}` : '';
  const evidence = `{"policy":"${text(policy)}","facts":"${text(facts)}","matched":${matchedText(matched)}${lacking}}`;
  return `{"decision":${decision},"context":{"id":"${id}","reason":"${reason}"${extrasText(outcome)},"evidence":${evidence}${pastText(asOf, facts)}}}`;
}

const pastText = (asOf: string | undefined, position: string): string =>
  asOf === undefined ? '' : `,"as_of":"${text(asOf)}","position":"${text(position)}"`;

/** With a comma before it, or nothing, which is nearly always so. */
const extrasText = (outcome: Outcome): string =>
  outcome.obligations || outcome.mode || outcome.refusal ? `,${JSON.stringify(extras(outcome)).slice(1, -1)}` : '';

/** The answers in the order of the items, as JSON. A bad item counts as a deny. */
export function batchAnswerText(
  { semantic }: Batch,
  items: readonly Parsed<Request>[],
  recorded: DecidedBatch,
): string {
  const { policy, facts, asOf, decisions } = recorded;
  let answer = '{';
  if (decisions.length > 0)
    answer += `"context":{"policy":"${text(policy)}","facts":"${text(facts)}"${pastText(asOf, facts)}},`;
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
  const { decision, reason, matched } = outcome;
  const rules = matched.length > 0 ? `,"matched":${matchedText(matched)}` : '';
  return `{"decision":${decision},"context":{"id":"${id}","reason":"${reason}"${rules}${extrasText(outcome)}}}`;
}

function matchedText(matched: Outcome['matched']): string {
  let list = '';
  for (const match of matched) {
    const before = list === '' ? '[' : `${list},`;
    list =
      'role' in match
        ? `${before}{"effect":"${match.effect}","role":"${text(match.role)}","rule":${match.rule},"grant":"${text(match.grant)}"}`
        : `${before}{"effect":"${match.effect}","policy":"${text(match.policy)}"}`;
  }
  return list === '' ? '[]' : `${list}]`;
}
