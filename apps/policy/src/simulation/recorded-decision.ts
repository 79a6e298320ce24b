import type { DecisionRecorded, DecisionsRecorded, Envelope } from '@gatehouse/contracts';
import type { Attributes, Request } from '@gatehouse/evaluator';

/** One answered question of the log, whether it came alone or in a batch. */
export interface RecordedDecision {
  /** Of the event; item n of a batch is `<event id>.<n>`, as it was answered. */
  readonly id: string;
  readonly request: Request;
  /** When it was decided, and the time that conditions saw: another one for a question about the past. */
  readonly decidedAtMs: number;
  readonly nowMs: number;
  /** The moment of the past that was asked about: nothing was consumed then. */
  readonly asOf?: string;
  /** What was allowed before was asked about: nothing was consumed then, either. */
  readonly again?: true;
  /** What the policy said: under `audit_only` more was answered. */
  readonly isPermitted: boolean;
  readonly reason: string;
  /** Digest of the version that was evaluated, and the position of the facts it read. */
  readonly policy: string;
  readonly facts: string;
  readonly matched: readonly string[];
  /** Ids of the rate limits that were consumed, or that refused. */
  readonly limits: readonly string[];
  /** Who asked: stands for the credential, which is not recorded. */
  readonly asker: string;
}

export const decisionTypes = ['decision.recorded', 'decisions.recorded'] as const;

type Item = DecisionsRecorded['items'][number];

/** The decisions of one event, in the order in which they were answered. */
export function decisionsOf(envelope: Envelope): readonly RecordedDecision[] {
  if (envelope.type === 'decision.recorded') {
    const data = envelope.data as unknown as DecisionRecorded;
    return [recordedDecision(envelope, envelope.id, data, data)];
  }
  const batch = envelope.data as unknown as DecisionsRecorded;
  return batch.items.map((item, at) => recordedDecision(envelope, `${envelope.id}.${at}`, batch, item));
}

function recordedDecision(
  { occurredAt, actor }: Envelope,
  id: string,
  { policy, facts }: { readonly policy: string; readonly facts: string },
  item: Item,
): RecordedDecision {
  return {
    id,
    request: requestOf(item),
    decidedAtMs: Date.parse(occurredAt),
    nowMs: Date.parse(occurredAt),
    ...(item.asOf !== undefined && { asOf: item.asOf }),
    ...(item.again && { again: item.again }),
    isPermitted: item.reason === 'permitted',
    reason: item.reason,
    policy,
    facts,
    matched: item.matched,
    limits: item.limits ?? [],
    asker: `${actor.type}/${actor.id}`,
  };
}

/** The names, and of everything else what the evaluator had read. */
function requestOf({ subject, action, resource, given }: Item): Request {
  const properties = (attributes: object | undefined) => attributes && { properties: attributes as Attributes };
  return {
    subject: { ...subject, ...properties(given?.subject) },
    action: { name: action, ...properties(given?.action) },
    resource: { ...resource, ...properties(given?.resource) },
    ...(given?.context && { context: given.context as Attributes }),
  };
}
