import type { Pepper } from '@gatehouse/crypto';
import type { Parsed, Request } from '@gatehouse/evaluator';
import type { Batch } from './evaluations.js';
import { noRoom, recordableRequests, Undecidable } from './identifiers.js';
import { asOfOf, toQuestion } from './question.js';

export interface Evaluable {
  /** Up to where a short-circuit semantic can come. */
  readonly items: readonly Parsed<Request>[];
  readonly questions: readonly Request[];
  /** The moment that all of them ask about. */
  readonly asOf: unknown;
}

const bad = (message: string): Parsed<never> => ({ ok: false, errors: [{ path: 'context.as_of', message }] });
const noMoment = bad('must be text');
const otherMoment = bad('must be the same in all items: a batch is decided at one moment');

const isMoment = (asOf: unknown): boolean => asOf === undefined || typeof asOf === 'string';

/** The questions of a batch in which no item is bad and none asks about the past, which nearly all are. */
function plainQuestions(items: Batch['items']): readonly Request[] | undefined {
  const questions: Request[] = [];
  for (const item of items) {
    if (!item.ok || asOfOf(item.value.context) !== undefined) return undefined;
    questions.push(item.value);
  }
  return questions;
}

/** The items that are decided: a bad one is a deny, so behind it nothing is where the first deny ends the batch. */
export function evaluableOf({ items, semantic }: Batch): Evaluable {
  const plain = plainQuestions(items);
  if (plain) return { items, questions: plain, asOf: undefined };
  const moments = items.map((item) => (item.ok ? asOfOf(item.value.context) : undefined));
  const first = items.findIndex((item, i) => item.ok && isMoment(moments[i]));
  const asOf = moments[first];
  const atOne = items.map((item, i) => {
    if (!item.ok || moments[i] === asOf) return item;
    return isMoment(moments[i]) ? otherMoment : noMoment;
  });
  const firstBad = atOne.findIndex((item) => !item.ok);
  const reached = semantic === 'deny_on_first_deny' && firstBad >= 0 ? atOne.slice(0, firstBad + 1) : atOne;
  return { items: reached, questions: reached.flatMap((item) => (item.ok ? [item.value] : [])), asOf };
}

/** Items of a batch, of which one was found to be undecidable: those that are, are bad ones, and do not spoil the others. */
export function decidableItems(pepper: Pepper, items: readonly Parsed<Request>[]): readonly Parsed<Request>[] {
  const recordable = recordableRequests(pepper);
  return items.map((item, i): Parsed<Request> => {
    if (!item.ok) return item;
    try {
      recordable(toQuestion(item.value, ''));
      return item;
    } catch (error) {
      if (!(error instanceof Undecidable)) throw error;
      return { ok: false, errors: [{ path: `evaluations.${i}`, message: noRoom }] };
    }
  });
}
