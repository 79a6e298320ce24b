import type { Envelope } from '@gatehouse/contracts';
import { z } from 'zod';
import type { EntryRecord } from './entry.entity.js';

const who = z.object({ type: z.string(), id: z.string() });

/** One entry as it is listed. `resource` is `type/id`; what decisions alone have is absent elsewhere. */
export const entryView = z.object({
  index: z.int(),
  id: z.uuid(),
  source: z.string(),
  type: z.string(),
  version: z.int(),
  occurredAt: z.string(),
  /** Who caused the event: for a decision, who asked. */
  actor: who,
  subject: who.optional(),
  action: z.string().optional(),
  resource: z.string().optional(),
  decision: z.boolean().optional(),
  reason: z.string().optional(),
  summary: z.string(),
  streamId: z.string(),
  revision: z.int(),
  correlationId: z.string(),
  causationId: z.string().optional(),
  /** Base64. */
  leafHash: z.string(),
});
export type EntryView = z.output<typeof entryView>;

interface Decided {
  readonly subject: { readonly type: string; readonly id: string };
  readonly action: string;
  readonly resource: { readonly type: string; readonly id: string };
  readonly decision: boolean;
  readonly reason?: string;
}

/** The decision in an event, if it has the shape of one: entries of any shape are listed. */
function decidedBy(envelope: Envelope): Decided | undefined {
  const { subject, action, resource, decision } = envelope.data as Partial<Decided>;
  const isDecision = envelope.type === 'decision.recorded' && typeof decision === 'boolean';
  return isDecision && subject && resource && action ? (envelope.data as unknown as Decided) : undefined;
}

/**
 * One sentence for people.
 *
 * @example 'Actor developer-07 touched prod/DATABASE_URL and the decision was denied.'
 */
export function summaryOf(envelope: Envelope): string {
  const decided = decidedBy(envelope);
  if (!decided) return `Actor ${envelope.actor.id} caused ${envelope.type}.`;
  const { subject, resource, decision } = decided;
  const outcome = decision ? 'allowed' : 'denied';
  return `Actor ${subject.id} touched ${resource.type}/${resource.id} and the decision was ${outcome}.`;
}

/** What is listed is read from the envelope, which is what proofs are about, and not from the columns beside it. */
export function toEntryView(record: EntryRecord, envelope = JSON.parse(record.envelope) as Envelope): EntryView {
  const decided = decidedBy(envelope);
  const { id, type, version, occurredAt, actor, streamId, revision, correlationId, causationId } = envelope;
  return {
    index: record.index,
    id,
    source: record.source,
    type,
    version,
    occurredAt,
    actor: { type: actor.type, id: actor.id },
    ...(decided && {
      subject: decided.subject,
      action: decided.action,
      resource: `${decided.resource.type}/${decided.resource.id}`,
      decision: decided.decision,
      ...(decided.reason !== undefined && { reason: decided.reason }),
    }),
    summary: summaryOf(envelope),
    streamId,
    revision,
    correlationId,
    ...(causationId !== undefined && { causationId }),
    leafHash: record.leafHash.toString('base64'),
  };
}
