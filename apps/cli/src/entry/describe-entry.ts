/** The members of a logged event that are told to people. Nothing is taken for granted: the file may be anybody's. */
interface LoggedEvent {
  readonly type?: unknown;
  readonly occurredAt?: unknown;
  readonly actor?: unknown;
  readonly streamId?: unknown;
  readonly data?: unknown;
}

export interface EntryInWords {
  /** RFC 3339, as it was logged; empty when the entry has none. */
  readonly occurredAt: string;
  readonly what: string;
}

/**
 * A logged entry in words. Entries that are no event of ours are proven all the same, and told by their size.
 *
 * @example describeEntry(bytes).what // 'allow service/ci deploy.preview on project/app-web'
 */
export function describeEntry(entry: Uint8Array): EntryInWords {
  const event = parseEvent(entry);
  if (event === undefined) return { occurredAt: '', what: `${entry.length} bytes that are not an event` };
  const occurredAt = text(event.occurredAt);
  const decided = decisionIn(event);
  const what = decided ?? `${text(event.type)} of ${text(event.streamId)} by ${who(event.actor)}`;
  return { occurredAt, what };
}

export function parseEvent(entry: Uint8Array): LoggedEvent | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(entry).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** All decisions of a batch, each with its number: what is proven is proven of every one. */
function decisionIn({ type, data }: LoggedEvent): string | undefined {
  if (type === 'decision.recorded') return told(data);
  const { items } = record(data);
  if (type !== 'decisions.recorded' || !Array.isArray(items)) return undefined;
  const each = items.map((item: unknown, n) => `.${n} ${told(item) ?? 'is not a decision'}`);
  return `${items.length} decisions: ${each.join('; ')}`;
}

function told(data: unknown): string | undefined {
  const { decision, subject, action, resource } = record(data);
  if (typeof decision !== 'boolean') return undefined;
  return `${decision ? 'allow' : 'deny'} ${who(subject)} ${text(action)} on ${who(resource)}`;
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const who = (value: unknown): string => `${text(record(value).type)}/${text(record(value).id)}`;
