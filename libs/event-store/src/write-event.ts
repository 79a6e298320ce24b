import { type Envelope, maxEnvelopeBytes } from '@gatehouse/contracts';
import { canonicalJson, uuidv7 } from '@gatehouse/crypto';
import { type CommandContext, EventTooLarge, type NewEvent } from './store.js';

/** An event ready to be stored: the envelope, and its canonical JSON, which is what is published and hashed. */
export interface WrittenEvent {
  readonly envelope: Envelope;
  readonly text: string;
}

/** Makes the envelope of one event. Throws {@link EventTooLarge} beyond {@link maxEnvelopeBytes}. */
export function writeEvent(event: NewEvent, streamId: string, revision: number, context: CommandContext): WrittenEvent {
  const envelope: Envelope = {
    id: uuidv7(context.now),
    type: event.type,
    version: event.version,
    tenantId: context.tenantId,
    streamId,
    revision,
    occurredAt: new Date(context.now).toISOString(),
    actor: context.actor,
    ...(context.source && { source: context.source }),
    correlationId: context.correlationId,
    ...(context.causationId && { causationId: context.causationId }),
    data: event.data as Record<string, unknown>,
    ...(event.sealed && { sealed: event.sealed }),
  };
  const text = canonicalJson(envelope);
  // UTF-8 never takes more than three bytes for a UTF-16 unit, so short texts need no count.
  if (text.length * 3 > maxEnvelopeBytes) {
    const bytes = Buffer.byteLength(text);
    if (bytes > maxEnvelopeBytes) throw new EventTooLarge(event.type, bytes);
  }
  return { envelope, text };
}
