import { formatPosition, type Position, parsePosition } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { ProjectedEvent } from '@gatehouse/projection';

/** On which every relay hears that what policy decides on has changed. */
export const factChannel = 'gatehouse_relay_facts';

export interface FactChange {
  readonly tenantId: string;
  /** Of policy's log. */
  readonly position: Position;
  /** Type of the last event. */
  readonly cause: string;
}

const types: ReadonlySet<string> = new Set([
  'role.granted',
  'role.revoked',
  'group.joined',
  'group.left',
  'entity.described',
  'entity.forgotten',
  'relationship.made',
  'relationship.ended',
  'policy.activated',
  'policy.settings_changed',
]);

/** Canonical JSON ends with type and version: what else stands in the text, somebody may have chosen. */
const decision = /"type":"decisions?\.recorded","version":\d+}$/;

/** Decisions are most of what policy publishes, and change nothing. */
export const mayChangeFacts = (text: string): boolean => !decision.test(text.slice(-64));

/** Tells the relays which tenants' facts changed, and up to where policy must have read before it is asked. */
export async function announceFacts(query: Query, events: readonly ProjectedEvent[]): Promise<void> {
  const changes = new Map<string, FactChange>();
  for (const { envelope, position } of events)
    if (types.has(envelope.type))
      changes.set(envelope.tenantId, { tenantId: envelope.tenantId, position, cause: envelope.type });
  for (const { tenantId, position, cause } of changes.values())
    await query.query('select pg_notify($1, $2)', [factChannel, `${tenantId} ${formatPosition(position)} ${cause}`]);
}

/** Undefined for any other text. */
export function parseFactChange(payload: string): FactChange | undefined {
  const [, tenantId, position, cause] = /^([a-z0-9-]{1,63}) (\d{1,20}\.\d{1,19}) ([a-z_.]{1,64})$/.exec(payload) ?? [];
  if (tenantId === undefined || position === undefined || cause === undefined) return undefined;
  return { tenantId, position: parsePosition(position), cause };
}
