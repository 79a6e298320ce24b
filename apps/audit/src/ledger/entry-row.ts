import type { Envelope } from '@gatehouse/contracts';
import { MAX_BUNDLE_ENTRY_BYTES } from '@gatehouse/merkle';

/** What the columns of an entry say: a copy of parts of its envelope, to search by. The envelope alone is proven. */
export interface EntryRow {
  readonly eventId: string;
  readonly tenantId: string;
  readonly source: string;
  readonly type: string;
  readonly version: number;
  readonly actorType: string;
  readonly actorId: string;
  /** Whom a decision was about; '' for other events. */
  readonly subjectType: string;
  readonly subjectId: string;
  readonly action: string;
  /** `type/id` */
  readonly resource: string;
  readonly decision: '' | 'true' | 'false';
  readonly streamId: string;
  readonly correlationId: string;
  /** RFC 3339. */
  readonly occurredAt: string;
}

/** No index of PostgreSQL takes longer keys than 2,700 bytes, and an event must never stop the ledger for its length. */
const maxColumnCharacters = 600;

// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are meant
const controls = /[\u0000-\u001f]/g;

/**
 * A value of an event as a column: text columns can't hold NUL, and the record separator divides them on their way to
 * the server. The envelope keeps what was said.
 */
function column(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value.slice(0, maxColumnCharacters).replace(controls, '\ufffd');
}

interface NamedEntity {
  readonly type?: unknown;
  readonly id?: unknown;
}

/**
 * The columns of one event. Tolerates any content of `data`: an unexpected shape leaves columns empty, for the ledger
 * takes every event.
 *
 * @param event an envelope, and the service whose log it comes from
 */
export function toEntryRow({ envelope, source }: { readonly envelope: Envelope; readonly source: string }): EntryRow {
  const { subject, resource, action, decision } = envelope.type === 'decision.recorded' ? envelope.data : {};
  const [about, on] = [subject as NamedEntity | undefined, resource as NamedEntity | undefined];
  return {
    eventId: envelope.id,
    tenantId: column(envelope.tenantId),
    source,
    type: column(envelope.type),
    version: envelope.version,
    actorType: column(envelope.actor.type),
    actorId: column(envelope.actor.id),
    subjectType: column(about?.type),
    subjectId: column(about?.id),
    action: column(action),
    resource: on ? column(`${column(on.type)}/${column(on.id)}`) : '',
    decision: typeof decision === 'boolean' ? (decision ? 'true' : 'false') : '',
    streamId: column(envelope.streamId),
    correlationId: column(envelope.correlationId),
    occurredAt: envelope.occurredAt,
  };
}

/** The bytes that are hashed: the event's canonical text exactly as it was received. Throws RangeError if too long. */
export function entryBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > MAX_BUNDLE_ENTRY_BYTES)
    throw new RangeError(`an event of ${bytes.length} bytes is no ledger entry`);
  return bytes;
}
