import { type Envelope, maxEnvelopeBytes, streamIdPattern, tenantIdPattern } from '@gatehouse/contracts';
import { canonicalJson, uuidv7 } from '@gatehouse/crypto';
import { type AppendOptions, type CommandContext, EventTooLarge, type NewEvent } from './store.js';

/** An event ready to be stored: the envelope, and its canonical JSON, which is what is published and hashed. */
export interface WrittenEvent {
  readonly envelope: Envelope;
  readonly text: string;
}

const eventTypePattern = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;

/**
 * Makes the envelope of one event.
 *
 * @throws EventTooLarge beyond {@link maxEnvelopeBytes}
 * @throws RangeError when a name has a form that a NATS subject or a reader of envelopes would refuse: found later, it
 * would stop the outbox of the whole service
 */
export function writeEvent(event: NewEvent, streamId: string, revision: number, context: CommandContext): WrittenEvent {
  checkForm('stream id', streamIdPattern, streamId);
  checkForm('tenant id', tenantIdPattern, context.tenantId);
  checkForm('event type', eventTypePattern, event.type);
  const envelope: Envelope = {
    id: event.id ?? uuidv7(context.now),
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

function checkForm(what: string, pattern: RegExp, text: string): void {
  if (!pattern.test(text)) throw new RangeError(`not of the form of a ${what}`);
}

/** Any text of 1 to 200 characters without control characters, for instance a caller's `Idempotency-Key`. */
const commandIdPattern = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

/** Makes the envelopes of one append. @throws RangeError for no events, or a command id that is not one */
export function writeEvents(
  events: readonly NewEvent[],
  streamId: string,
  { expectedRevision, commandId, context }: AppendOptions,
): readonly WrittenEvent[] {
  if (events.length === 0) throw new RangeError('nothing to append');
  if (commandId !== undefined) checkForm('command id', commandIdPattern, commandId);
  return events.map((event, i) => writeEvent(event, streamId, expectedRevision + i + 1, context));
}
