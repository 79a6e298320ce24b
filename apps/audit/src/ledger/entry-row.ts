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
  /** Whom a decision was about; '' for other events, and in a batch of decisions what its items do not agree in. */
  readonly subjectType: string;
  readonly subjectId: string;
  /** Of a batch about several subjects each id once, divided by the unit separator; else ''. */
  readonly subjectIds: string;
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

/** Between the elements of a column that is a list; `controls` are taken out of every value. */
const unitSeparator = '\x1f';

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

type Decided = Pick<EntryRow, 'subjectType' | 'subjectId' | 'action' | 'resource' | 'decision'>;

function decidedBy(value: unknown): Decided {
  const { subject, resource, action, decision } = record(value);
  const [about, on] = [record(subject), record(resource)];
  return {
    subjectType: column(about.type),
    subjectId: column(about.id),
    action: column(action),
    resource: resource === undefined ? '' : column(`${column(on.type)}/${column(on.id)}`),
    decision: typeof decision === 'boolean' ? (decision ? 'true' : 'false') : '',
  };
}

/** What all items of a batch say, and '' for what they differ in. */
function agreed(items: readonly Decided[]): Decided {
  const [first = decidedBy({}), ...others] = items;
  const same = <K extends keyof Decided>(name: K) =>
    others.every((item) => item[name] === first[name]) ? first[name] : ('' as Decided[K]);
  return {
    // Together they name one subject, or none.
    subjectType: same('subjectId') === '' ? '' : same('subjectType'),
    subjectId: same('subjectType') === '' ? '' : same('subjectId'),
    action: same('action'),
    resource: same('resource'),
    decision: same('decision'),
  };
}

/** What becomes of a device, and is done on it: found under it as the decisions about it are. */
export const isOnDevice = (type: string): boolean => /^(device|tunnel|recording)\./.test(type);

function decisionColumns({ type, data }: Envelope): Decided & Pick<EntryRow, 'subjectIds'> {
  if (type === 'decision.recorded') return { ...decidedBy(data), subjectIds: '' };
  if (isOnDevice(type)) {
    const { subject, deviceId } = record(data);
    const resource = typeof deviceId === 'string' ? { type: 'device', id: deviceId } : undefined;
    return { ...decidedBy({ subject, resource }), subjectIds: '' };
  }
  if (type !== 'decisions.recorded') return { ...decidedBy({}), subjectIds: '' };
  const { items } = record(data);
  const decided = Array.isArray(items) ? items.map(decidedBy) : [];
  const columns = agreed(decided);
  const ids = new Set(columns.subjectId === '' ? decided.map(({ subjectId }) => subjectId) : []);
  return { ...columns, subjectIds: [...ids].join(unitSeparator) };
}

/**
 * The columns of one event. Tolerates any content of `data`: an unexpected shape leaves columns empty, for the ledger
 * takes every event.
 *
 * @param event an envelope, and the service whose log it comes from
 */
export function toEntryRow({ envelope, source }: { readonly envelope: Envelope; readonly source: string }): EntryRow {
  return {
    eventId: envelope.id,
    tenantId: column(envelope.tenantId),
    source,
    type: column(envelope.type),
    version: envelope.version,
    actorType: column(envelope.actor.type),
    actorId: column(envelope.actor.id),
    ...decisionColumns(envelope),
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
