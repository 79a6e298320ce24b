import type { Envelope } from '@gatehouse/contracts';
import { safeParse } from '@gatehouse/schema';
import { z } from 'zod';
import { isOnDevice } from '../ledger/entry-row.js';
import type { EntryRecord } from './entry.entity.js';

const who = z.object({ type: z.string(), id: z.string() });

const decidedView = z.object({
  subject: who,
  action: z.string(),
  /** `type/id` */
  resource: z.string(),
  decision: z.boolean(),
  reason: z.string().optional(),
});

/** One entry as it is listed. What decisions alone have is absent elsewhere, and in a batch what its items differ in. */
export const entryView = z.object({
  index: z.int(),
  id: z.uuid(),
  source: z.string(),
  type: z.string(),
  version: z.int(),
  occurredAt: z.string(),
  /** Who caused the event: for a decision, who asked. */
  actor: who,
  ...decidedView.partial().shape,
  /** The decisions of a batch: how many, and the first ones; all of them are in the entry itself. */
  decisions: z
    .object({
      total: z.int(),
      allowed: z.int(),
      /** `id` is the one in the answer: that of the event, and the number of the item. */
      items: z.array(decidedView.extend({ id: z.string() })),
    })
    .optional(),
  summary: z.string(),
  streamId: z.string(),
  revision: z.int(),
  correlationId: z.string(),
  causationId: z.string().optional(),
  /** Base64. */
  leafHash: z.string(),
});
export type EntryView = z.output<typeof entryView>;
type DecidedView = z.output<typeof decidedView>;

/** Enough to tell batches apart in a list of 500 entries. */
const itemsListed = 10;

/** A decision, if it has the shape of one: entries of any shape are listed. */
function asDecided(value: unknown): DecidedView | undefined {
  const { subject, action, resource, decision, reason } = (value ?? {}) as Record<string, unknown>;
  const [about, on] = [safeParse(who, subject), safeParse(who, resource)];
  if (typeof decision !== 'boolean' || typeof action !== 'string' || action === '') return undefined;
  if (!about.success || !on.success) return undefined;
  const said = { subject: about.data, action, resource: `${on.data.type}/${on.data.id}`, decision };
  return { ...said, ...(typeof reason === 'string' && { reason }) };
}

interface Decisions {
  /** What all decisions of the entry say. */
  readonly common: Partial<DecidedView>;
  /** Those of a batch. */
  readonly batch?: readonly (DecidedView & { readonly id: string })[];
}

function decisionsIn({ id, type, data }: Envelope): Decisions {
  if (type === 'decision.recorded') return { common: asDecided(data) ?? {} };
  if (isOnDevice(type)) {
    const about = safeParse(who, data.subject);
    return { common: about.success ? { subject: about.data } : {} };
  }
  if (type !== 'decisions.recorded' || !Array.isArray(data.items)) return { common: {} };
  const batch = data.items.flatMap((item: unknown, n) => {
    const decided = asDecided(item);
    return decided ? [{ id: `${id}.${n}`, ...decided }] : [];
  });
  const [first] = batch;
  const said = (['subject', 'action', 'resource', 'decision', 'reason'] as const).filter((name) =>
    batch.every((item) => JSON.stringify(item[name]) === JSON.stringify(first?.[name])),
  );
  return {
    common: Object.fromEntries(said.flatMap((name) => (first?.[name] === undefined ? [] : [[name, first[name]]]))),
    batch,
  };
}

/**
 * One sentence for people.
 *
 * @example 'Actor developer-07 touched prod/DATABASE_URL and the decision was denied.'
 */
export function summaryOf(envelope: Envelope): string {
  const { common, batch } = decisionsIn(envelope);
  const { subject, resource, decision } = common;
  if (batch) {
    const allowed = batch.filter((item) => item.decision).length;
    const about = subject ? `about ${subject.id} ` : '';
    return `Actor ${envelope.actor.id} asked ${batch.length} decisions ${about}at once: ${allowed} allowed, ${batch.length - allowed} denied.`;
  }
  const { subject: acting, deviceId } = envelope.data;
  const whose = safeParse(who, acting);
  if (isOnDevice(envelope.type) && typeof deviceId === 'string')
    return `${whose.success ? `Actor ${whose.data.id}` : `Actor ${envelope.actor.id}`}: ${envelope.type} on device/${deviceId}.`;
  if (!subject) return `Actor ${envelope.actor.id} caused ${envelope.type}.`;
  return `Actor ${subject.id} touched ${resource} and the decision was ${decision ? 'allowed' : 'denied'}.`;
}

/** What is listed is read from the envelope, which is what proofs are about, and not from the columns beside it. */
export function toEntryView(
  record: EntryRecord,
  envelope = JSON.parse(record.envelope) as Envelope,
  maxItems = itemsListed,
): EntryView {
  const { common, batch } = decisionsIn(envelope);
  const { id, type, version, occurredAt, actor, streamId, revision, correlationId, causationId } = envelope;
  return {
    index: record.index,
    id,
    source: record.source,
    type,
    version,
    occurredAt,
    actor: { type: actor.type, id: actor.id },
    ...common,
    ...(batch && {
      decisions: {
        total: batch.length,
        allowed: batch.filter(({ decision }) => decision).length,
        items: batch.slice(0, maxItems),
      },
    }),
    summary: summaryOf(envelope),
    streamId,
    revision,
    correlationId,
    ...(causationId !== undefined && { causationId }),
    leafHash: record.leafHash.toString('base64'),
  };
}
