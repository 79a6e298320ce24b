import { isTransient, sqlState } from '@gatehouse/event-store';
import type pg from 'pg';
import type { ProjectedEvent } from './projection.js';

type Client = Pick<pg.ClientBase, 'query'>;
type Apply = (client: Client, events: readonly ProjectedEvent[]) => Promise<void>;

const streamKey = (event: ProjectedEvent): string =>
  `${event.source}\n${event.envelope.tenantId}\n${event.envelope.streamId}`;

/**
 * Applies events inside the caller's transaction; an event that can't be applied is parked with its reason, and so are
 * later events of its stream, which would be applied to a state that never was. Everything else goes on.
 * Rethrows what speaks of the server and not of the event: the whole batch is tried again then.
 *
 * @returns how many events were parked
 */
export async function applyOrPark(client: Client, name: string, apply: Apply, events: readonly ProjectedEvent[]) {
  const parkedStreams = await loadParkedStreams(client, name);
  let parked = 0;
  const run = async (part: readonly ProjectedEvent[]): Promise<void> => {
    const ready: ProjectedEvent[] = [];
    for (const event of part) {
      if (parkedStreams.has(streamKey(event))) await park(event, 'an earlier event of its stream is parked');
      else ready.push(event);
    }
    if (ready.length === 0) return;
    const failure = await attempt(client, () => apply(client, ready));
    if (!failure) return;
    if (ready.length === 1 && ready[0]) return park(ready[0], describeFailure(failure));
    const middle = ready.length >> 1;
    await run(ready.slice(0, middle));
    await run(ready.slice(middle));
  };
  const park = async (event: ProjectedEvent, reason: string) => {
    parkedStreams.add(streamKey(event));
    parked++;
    await insertParked(client, name, event, reason);
  };
  await run(events);
  return parked;
}

async function attempt(client: Client, work: () => Promise<void>): Promise<Error | undefined> {
  await client.query('savepoint attempt');
  try {
    await work();
    await client.query('release savepoint attempt');
    return undefined;
  } catch (error) {
    if (isTransient(error)) throw error;
    await client.query('rollback to savepoint attempt');
    return error as Error;
  }
}

/** What went wrong, without the values that were being written: those may be secret or personal. */
const describeFailure = (error: Error): string => {
  const state = sqlState(error);
  return state ? `SQLSTATE ${state}` : error.name === 'Error' ? 'the projection refused it' : error.name;
};

async function loadParkedStreams(client: Client, name: string): Promise<Set<string>> {
  const { rows } = await client.query<{ key: string }>(
    `select distinct concat_ws(e'\\n', source, tenant_id, stream_id) as key from parked_events where projection = $1`,
    [name],
  );
  return new Set(rows.map((row) => row.key));
}

const insertParked = (client: Client, name: string, event: ProjectedEvent, reason: string) =>
  client.query(
    `insert into parked_events (projection, event_id, source, tenant_id, stream_id, type, tx, seq, reason, envelope)
     values ($1, $2, $3, $4, $5, $6, $7::xid8, $8, $9, $10) on conflict do nothing`,
    [
      name,
      event.envelope.id,
      event.source,
      event.envelope.tenantId,
      event.envelope.streamId,
      event.envelope.type,
      String(event.position.tx),
      String(event.position.seq),
      reason.slice(0, 200),
      event.text,
    ],
  );

export interface ParkedEvent {
  readonly projection: string;
  readonly eventId: string;
  readonly source: string;
  readonly tenantId: string;
  readonly streamId: string;
  readonly type: string;
  readonly reason: string;
  readonly parkedAt: string;
}

/** Under which name a rebuild parks what it cannot apply, until its rows take the place of the live ones. */
export const rebuildName = (projection: string): string => `${projection}${rebuildSuffix}`;
const rebuildSuffix = ' (rebuild)';

/** Parked events, oldest first, without their content. */
export async function listParked(client: Client, limit = 200): Promise<readonly ParkedEvent[]> {
  const { rows } = await client.query<Omit<ParkedEvent, 'parkedAt'> & { parkedAt: Date }>(
    `select projection, event_id as "eventId", source, tenant_id as "tenantId", stream_id as "streamId", type, reason,
            parked_at as "parkedAt" from parked_events
     where not starts_with(reverse(projection), reverse($2)) order by projection, tx, seq limit $1`,
    [limit, rebuildSuffix],
  );
  return rows.map((row) => ({ ...row, parkedAt: row.parkedAt.toISOString() }));
}
