import { maxEnvelopeBytes, type Position } from '@gatehouse/contracts';
import { type Pepper, uuidv7 } from '@gatehouse/crypto';
import { type Decision, evaluate, isWithinScopes, type Needed, needed } from '@gatehouse/evaluator';
import { EventTooLarge, type GroupCommit, StoreUnavailable } from '@gatehouse/event-store';
import type { Facts } from '../facts/facts.js';
import { bucketsOf } from '../rate/bucket.js';
import type { RateLimiter } from '../rate/rate-limiter.js';
import type { ActivePolicies } from '../version/active-policies.js';
import { endsBatch, type Semantic } from './evaluations.js';
import { recordableRequest, recordableValue } from './identifiers.js';
import { decideAt, deciderAt, inMode, type Moment, type Outcome, rateLimited } from './outcome.js';
import { type Asked, FactsNotLoaded, type Question } from './question.js';
import { type At, batchText, decisionText, itemTexts, recordEvent } from './recorded-text.js';

export interface DeciderOptions {
  readonly facts: Pick<Facts, 'live' | 'loaded' | 'position' | 'waitFor'>;
  readonly policies: Pick<ActivePolicies, 'of'>;
  readonly commits: Pick<GroupCommit, 'append'>;
  readonly limiter: Pick<RateLimiter, 'take'>;
  readonly pepper: Pepper;
}

export { FactsNotLoaded };

/** A decision that is durable. */
export interface RecordedDecision {
  readonly id: string;
  readonly outcome: Outcome;
  readonly at: At;
  readonly asOf: string | undefined;
  /** What a default deny lacked. */
  readonly needed: Needed | undefined;
}

/** An item of a batch: decided, or too long to be recorded. */
export type DecidedItem = { readonly id: string; readonly outcome: Outcome } | { readonly tooLarge: true };

export interface DecidedBatch extends At {
  readonly asOf?: string;
  /** As many as were decided: a short-circuit semantic ends the list. */
  readonly decisions: readonly DecidedItem[];
}

/** How long a caller is waited for whose position is ahead of ours. */
const waitForFactsMs = 1_000;
/** What the envelope around the items may take. */
const envelopeRoom = 4_096;
const maxItemBytes = maxEnvelopeBytes - envelopeRoom;

/** Evaluates in memory, records, and answers only when the record is durable (P1). */
export class DecisionPoint {
  readonly #options: DeciderOptions;

  constructor(options: DeciderOptions) {
    this.#options = options;
  }

  /** Without a record: for asking whether a caller may ask at all. */
  evaluate(question: Question, nowMs = Date.now()): Decision {
    if (!isWithinScopes(question.scopes, question.action))
      return { decision: false, reason: 'out_of_scope', matched: [] };
    const { policy, facts } = this.now(question.tenantId, nowMs, question.action);
    return evaluate(policy, facts, recordableRequest(this.#options.pepper, question), nowMs);
  }

  /**
   * What decides now. To be used at once: facts are live. `action`, if there is only one: see `ActivePolicies.of`.
   *
   * @throws FactsNotLoaded, PolicyUnavailable
   */
  now(tenantId: string, nowMs: number, action?: string): Moment {
    const { facts, policies } = this.#options;
    if (!facts.loaded) throw new FactsNotLoaded('the facts are being loaded');
    const { policy, mode } = policies.of(tenantId, action);
    return { policy, mode, facts: facts.live.tenant(tenantId), position: facts.position, nowMs };
  }

  /** Until facts up to a position are known. @throws StoreUnavailable when that takes too long */
  async waitFor(position: Position): Promise<void> {
    if (await this.#options.facts.waitFor(position, waitForFactsMs)) return;
    throw new StoreUnavailable('the facts have not reached this position yet');
  }

  /**
   * @param past the moment that is asked about; now, unless given
   * @throws StoreUnavailable, StoreOverloaded: the answer is then an error, never "allow"
   */
  async decide(question: Question, asked: Asked, past?: Moment): Promise<RecordedDecision> {
    const nowMs = Date.now();
    const { tenantId } = question;
    const moment = past ?? this.now(tenantId, nowMs, question.action);
    const decided = decideAt(moment, question, this.#options.pepper);
    const needed = lacked(moment, decided);
    const limited = decided.limits ? await this.#limit(decided, question, asked) : decided;
    const told = inMode(limited, moment, asked);
    const { noted } = question;
    const outcome = noted ? { ...told, noted: recordableValue(this.#options.pepper, noted) } : told;
    const at = { policy: moment.policy.digest, facts: moment.position };
    const id = uuidv7(nowMs);
    const data = decisionText(outcome, at, moment.asOf);
    await this.#record({ id, type: 'decision.recorded', tenantId, nowMs }, asked, data, 1);
    return { id, outcome, at, asOf: moment.asOf, needed };
  }

  /**
   * Decides several questions of one tenant by one policy on the same facts, and records them as one event, or as several
   * where one has no room. What a short-circuit semantic leaves out is neither recorded nor counted by a rate limit.
   *
   * @param answer what is told of it. Made at once, so that nothing else has to be kept while the record is written, and
   *   given out when it is durable
   * @throws Undecidable, FactsNotLoaded, PolicyUnavailable at once, before anything is recorded or counted; the promise rejects as that
   *   of {@link decide}: then nothing is answered
   */
  decideAll<T>(
    questions: readonly Question[],
    semantic: Semantic,
    asked: Asked,
    answer: (batch: DecidedBatch) => T,
    past?: Moment,
  ): Promise<T> {
    const nowMs = Date.now();
    const [first] = questions;
    if (!first) return Promise.resolve(answer({ policy: '', facts: '', decisions: [] }));
    const moment = past ?? this.now(first.tenantId, nowMs);
    const decided = questions.map(deciderAt(moment, this.#options.pepper));
    const record = (outcomes: readonly Outcome[]) =>
      this.#recordAll(outcomes, { tenantId: first.tenantId, nowMs, moment }, asked, answer);
    if (decided.some(({ limits }) => limits))
      return this.#counted(decided, questions, semantic, asked, moment).then(record);
    const outcomes = decided.map((outcome) => inMode(outcome, moment, asked));
    return record(upToEnd(outcomes, semantic));
  }

  #recordAll<T>(
    outcomes: readonly Outcome[],
    { tenantId, nowMs, moment }: { readonly tenantId: string; readonly nowMs: number; readonly moment: Moment },
    asked: Asked,
    answer: (batch: DecidedBatch) => T,
  ): Promise<T> {
    const { asOf } = moment;
    const at = { policy: moment.policy.digest, facts: moment.position };
    const chunks = packed(itemTexts(outcomes, asOf)).map((chunk) => ({ ...chunk, id: uuidv7(nowMs) }));
    const decisions: DecidedItem[] = outcomes.map(() => ({ tooLarge: true }));
    for (const { id, places } of chunks)
      for (const [n, place] of places.entries())
        decisions[place] = { id: `${id}.${n}`, outcome: outcomes[place] as Outcome };
    const told = answer({ ...at, ...(asOf !== undefined && { asOf }), decisions });
    const records = chunks.map(({ id, texts }) =>
      this.#record({ id, type: 'decisions.recorded', tenantId, nowMs }, asked, batchText(texts, at), texts.length),
    );
    return Promise.all(records).then(() => told);
  }

  /** Outcomes after the rate limits. */
  async #counted(
    decided: readonly Outcome[],
    questions: readonly Question[],
    semantic: Semantic,
    asked: Asked,
    moment: Moment,
  ): Promise<readonly Outcome[]> {
    const final = (outcome: Outcome, i: number): Outcome | Promise<Outcome> => {
      if (!outcome.limits) return inMode(outcome, moment, asked);
      const limited = this.#limit(outcome, questions[i] as Question, asked);
      return limited.then((counted) => inMode(counted, moment, asked));
    };
    if (semantic === 'execute_all') return Promise.all(decided.map(final));
    const outcomes: Outcome[] = [];
    for (const [i, outcome] of decided.entries()) {
      // One after the other: what comes behind the end consumes nothing.
      const next = await final(outcome, i);
      outcomes.push(next);
      if (endsBatch(semantic, next.decision)) break;
    }
    return outcomes;
  }

  /** Consumed last, and only by what is permitted otherwise. */
  async #limit(outcome: Outcome, question: Question, asked: Asked): Promise<Outcome> {
    const { tenantId, context, credential } = question;
    const { subject } = outcome.request;
    const told = context?.credential;
    const counted = {
      tenantId,
      subject,
      credential:
        credential ??
        (typeof told === 'string' ? told : (asked.credential ?? `${asked.caller.type}/${asked.caller.id}`)),
    };
    const refusal = await this.#options.limiter.take(bucketsOf(outcome.limits ?? [], counted));
    return refusal ? rateLimited(outcome, refusal) : outcome;
  }

  #record(of: Parameters<typeof recordEvent>[0], asked: Asked, data: string, weight: number): Promise<void> {
    const event = recordEvent(of, asked, data);
    // UTF-8 never takes more than three bytes for a UTF-16 unit, so short texts need no count.
    if (event.text.length * 3 > maxEnvelopeBytes) {
      const bytes = Buffer.byteLength(event.text);
      if (bytes > maxEnvelopeBytes) return Promise.reject(new EventTooLarge(of.type, bytes));
    }
    return this.#options.commits.append(event, weight);
  }
}

function upToEnd(outcomes: readonly Outcome[], semantic: Semantic): readonly Outcome[] {
  if (semantic === 'execute_all') return outcomes;
  const end = outcomes.findIndex(({ decision }) => endsBatch(semantic, decision));
  return end < 0 ? outcomes : outcomes.slice(0, end + 1);
}

function lacked({ policy, facts, nowMs }: Moment, { reason, request }: Outcome): Needed | undefined {
  const isDefault = reason === 'no_permit' || reason === 'no_grant';
  return isDefault ? needed(policy, facts, request, nowMs) : undefined;
}

interface Chunk {
  /** Of the items, in the list that was packed. */
  readonly places: number[];
  readonly texts: string[];
}

/** Items in as few events as hold them, in order; one that is too long for an event of its own is left out. */
function packed(items: readonly string[]): readonly Chunk[] {
  // UTF-8 never takes more than three bytes for a UTF-16 unit: most batches need no count.
  const chars = items.reduce((sum, text) => sum + text.length + 1, 0);
  if (items.length > 0 && chars * 3 <= maxItemBytes) return [{ places: [...items.keys()], texts: [...items] }];
  const chunks: Chunk[] = [];
  let room = 0;
  for (const [place, text] of items.entries()) {
    const bytes = Buffer.byteLength(text) + 1;
    if (bytes > maxItemBytes) continue;
    if (chunks.length === 0 || bytes > room) {
      chunks.push({ places: [], texts: [] });
      room = maxItemBytes;
    }
    room -= bytes;
    chunks.at(-1)?.places.push(place);
    chunks.at(-1)?.texts.push(text);
  }
  return chunks;
}
