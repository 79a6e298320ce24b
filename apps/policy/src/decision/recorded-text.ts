import type { DecisionRecorded } from '@gatehouse/contracts';
import { canonicalJson } from '@gatehouse/crypto';
import type { MatchedRule } from '@gatehouse/evaluator';
import type { StorableEvent } from '@gatehouse/event-store';
import type { Outcome } from './outcome.js';
import type { Asked } from './question.js';

/**
 * The canonical JSON (RFC 8785) of recorded decisions, written part by part: the names of members are known, and so is
 * their order. `writeEvent` would say the same in four times the time, which is most of what a batch costs.
 */

const text = (value: string): string => canonicalJson(value);

export const ruleName = (match: MatchedRule): string =>
  'role' in match ? `${match.role}#${match.rule}@${match.grant}` : match.policy;

function list(values: readonly string[]): string {
  let out = '[';
  for (const value of values) out += out === '[' ? text(value) : `,${text(value)}`;
  return `${out}]`;
}

const matchedText = (matched: readonly MatchedRule[]): string =>
  matched.length === 1 ? `[${text(ruleName(matched[0] as MatchedRule))}]` : list(matched.map(ruleName));

type Named = { readonly type: string; readonly id: string };

const entityText = ({ type, id }: Named): string => `{"id":${text(id)},"type":${text(type)}}`;

/** A batch is mostly about one subject and one action: what was written last is written again. */
function lastOf(write: (of: Named) => string): (of: Named) => string {
  let last: Named = { type: '', id: '' };
  let written = write(last);
  return (of) => {
    if (of.id !== last.id || of.type !== last.type) [last, written] = [of, write(of)];
    return written;
  };
}

const subjectText = lastOf(entityText);

/** The parts of a decision that stand before `facts`, between it and `policy`, and behind. */
function parts(outcome: Outcome, asOf: string | undefined): readonly [string, string, string] {
  const { request, decision, reason, matched, given, obligations, limits, mode, noted } = outcome;
  const { subject, action, resource } = request;
  const ids = (rules: readonly { readonly id: string }[]) => list(rules.map(({ id }) => id));
  return [
    `"action":${text(action.name)}${asOf === undefined ? '' : `,"asOf":${text(asOf)}`},"decision":${decision}`,
    `${given ? `,"given":${canonicalJson(given)}` : ''}${limits ? `,"limits":${ids(limits)}` : ''},"matched":${matchedText(matched)}` +
      `${mode ? `,"mode":${text(mode)}` : ''}${noted ? `,"noted":${canonicalJson(noted)}` : ''}${obligations ? `,"obligations":${ids(obligations)}` : ''}`,
    `,"reason":${text(reason)},"resource":${entityText(resource)},"subject":${subjectText(subject)}`,
  ];
}

export type At = Pick<DecisionRecorded, 'policy' | 'facts'>;

/** `data` of `decision.recorded`. */
export function decisionText(outcome: Outcome, { policy, facts }: At, asOf?: string): string {
  const [before, between, behind] = parts(outcome, asOf);
  return `{${before},"facts":${text(facts)}${between},"policy":${text(policy)}${behind}}`;
}

/** An item of `decisions.recorded`. */
export function itemText(outcome: Outcome, asOf?: string): string {
  const [before, between, behind] = parts(outcome, asOf);
  return `{${before}${between}${behind}}`;
}

/** `data` of `decisions.recorded`. */
export const batchText = (items: readonly string[], { policy, facts }: At): string =>
  `{"facts":${text(facts)},"items":[${items.join(',')}],"policy":${text(policy)}}`;

export interface RecordOf {
  readonly id: string;
  readonly type: 'decision.recorded' | 'decisions.recorded';
  readonly tenantId: string;
  readonly nowMs: number;
}

// Decisions come thousands a second, and a millisecond has one text.
let [textedMs, textedNow] = [Number.NaN, ''];

function timeText(nowMs: number): string {
  if (nowMs !== textedMs) [textedMs, textedNow] = [nowMs, new Date(nowMs).toISOString()];
  return textedNow;
}

/** The first event of a stream of its own. */
export function recordEvent({ id, type, tenantId, nowMs }: RecordOf, asked: Asked, data: string): StorableEvent {
  const { caller, correlationId, ip } = asked;
  const streamId = `${type === 'decision.recorded' ? 'decision' : 'decisions'}:${id}`;
  return {
    envelope: { id, tenantId, streamId, revision: 1, type },
    text:
      `{"actor":${entityText(caller)},"correlationId":${text(correlationId)},"data":${data},"id":"${id}"` +
      `,"occurredAt":"${timeText(nowMs)}","revision":1${ip ? `,"source":{"ip":${text(ip)}}` : ''}` +
      `,"streamId":"${streamId}","tenantId":${text(tenantId)},"type":"${type}","version":1}`,
  };
}
