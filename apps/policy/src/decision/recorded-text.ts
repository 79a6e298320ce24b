import type { DecisionRecorded } from '@gatehouse/contracts';
import { canonicalJson, canonicalText as text } from '@gatehouse/crypto';
import type { Attributes, MatchedRule, RecordedPart } from '@gatehouse/evaluator';
import type { StorableEvent } from '@gatehouse/event-store';
import type { Outcome } from './outcome.js';
import type { Asked } from './question.js';

/**
 * The canonical JSON (RFC 8785) of recorded decisions, written part by part: the names of members are known, and so is
 * their order. `writeEvent` would say the same in eight times the time. Few long pieces: each that is joined is an object
 * while it lasts.
 */

export const ruleName = (match: MatchedRule): string =>
  'role' in match ? `${match.role}#${match.rule}@${match.grant}` : match.policy;

function list(values: readonly string[]): string {
  let out = '';
  for (const value of values) out += out === '' ? `["${text(value)}"` : `,"${text(value)}"`;
  return out === '' ? '[]' : `${out}]`;
}

const matchedText = (matched: readonly MatchedRule[]): string =>
  matched.length === 0 ? '[]' : list(matched.map(ruleName));

type Named = { readonly type: string; readonly id: string };

const entityText = ({ type, id }: Named): string => `{"id":"${text(id)}","type":"${text(type)}"}`;

/** Writes what was written last again, where it is the same object: a batch is mostly about one subject. */
function remembering<T extends object>(write: (of: T) => string): (of: T) => string {
  let last: T | undefined;
  let written = '';
  return (of) => {
    if (of !== last) [last, written] = [of, write(of)];
    return written;
  };
}

const attributesText = (attributes: Attributes): string => canonicalJson(attributes);

/** Writes decisions; what they have in common, by identity, it writes once. */
function decisionWriter() {
  const subjectText = remembering<Named>(entityText);
  const givenSubjectText = remembering(attributesText);
  const givenContextText = remembering(attributesText);

  function givenText({ subject, action, resource, context }: RecordedPart): string {
    let out = '';
    if (action) out += `,"action":${attributesText(action)}`;
    if (context) out += `,"context":${givenContextText(context)}`;
    if (resource) out += `,"resource":${attributesText(resource)}`;
    if (subject) out += `,"subject":${givenSubjectText(subject)}`;
    return `,"given":{${out.slice(1)}}`;
  }

  /** `facts` and `policy`: those members with a comma before them, or nothing. */
  return (outcome: Outcome, asOf: string | undefined, facts: string, policy: string): string => {
    const { request, decision, reason, matched, given, obligations, limits, mode, noted, again } = outcome;
    const { action, resource, subject } = request;
    const at = asOf === undefined ? '' : `,"asOf":"${text(asOf)}"`;
    const isAgain = again ? ',"again":true' : '';
    let out = `{"action":"${text(action.name)}"${isAgain}${at},"decision":${decision}${facts}`;
    if (given) out += givenText(given);
    if (limits) out += `,"limits":${idList(limits)}`;
    out += `,"matched":${matchedText(matched)}`;
    if (mode) out += `,"mode":"${mode}"`;
    if (noted) out += `,"noted":${canonicalJson(noted)}`;
    if (obligations) out += `,"obligations":${idList(obligations)}`;
    return `${out}${policy},"reason":"${reason}","resource":{"id":"${text(resource.id)}","type":"${text(resource.type)}"},"subject":${subjectText(subject)}}`;
  };
}

const idList = (rules: readonly { readonly id: string }[]): string => list(rules.map(({ id }) => id));

export type At = Pick<DecisionRecorded, 'policy' | 'facts'>;

/** `data` of `decision.recorded`. */
export const decisionText = (outcome: Outcome, { policy, facts }: At, asOf?: string): string =>
  decisionWriter()(outcome, asOf, `,"facts":"${text(facts)}"`, `,"policy":"${text(policy)}"`);

/** The items of `decisions.recorded`. */
export function itemTexts(outcomes: readonly Outcome[], asOf?: string): readonly string[] {
  const write = decisionWriter();
  return outcomes.map((outcome) => write(outcome, asOf, '', ''));
}

/** `data` of `decisions.recorded`. */
export const batchText = (items: readonly string[], { policy, facts }: At): string =>
  `{"facts":"${text(facts)}","items":[${items.join(',')}],"policy":"${text(policy)}"}`;

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
      `{"actor":${entityText(caller)},"correlationId":"${text(correlationId)}","data":${data},"id":"${id}"` +
      `,"occurredAt":"${timeText(nowMs)}","revision":1${ip ? `,"source":{"ip":"${text(ip)}"}` : ''}` +
      `,"streamId":"${streamId}","tenantId":"${text(tenantId)}","type":"${type}","version":1}`,
  };
}
