import type { Envelope, Position } from '@gatehouse/contracts';
import {
  type CommandContext,
  type EventStore,
  type NewEvent,
  type PostgresEventStore,
  parseEnvelope,
  type Query,
  RevisionConflict,
} from '@gatehouse/event-store';

/** One change of one entity or relationship. Its state is what the last event of its stream says. */
export interface FactCommand {
  readonly streamId: string;
  /** Throws to refuse the change, and with it all others. */
  readonly decide: (last: Envelope | undefined) => readonly NewEvent[];
}

export interface FactCommands {
  readonly commands: readonly FactCommand[];
  readonly context: CommandContext;
  readonly commandId?: string | undefined;
  /** Of every stream that is changed; for a single change. */
  readonly expectedRevision?: number | undefined;
}

export interface ChangedFacts {
  /** What was stored, now or by the same command before. */
  readonly events: readonly Envelope[];
  /** Of the stream that was changed last. */
  readonly revision: number;
  /** Absent when nothing changed. */
  readonly position?: Position | undefined;
  readonly duplicate: boolean;
}

/**
 * All changes in one transaction, or none. In the order of their streams, so that two callers who change the same things
 * don't wait for each other in a circle; changes of one stream keep their order.
 */
export const changeFacts = (store: PostgresEventStore, change: FactCommands): Promise<ChangedFacts> =>
  store.together(change.context.tenantId, async (log, client) => {
    const { commands, context, commandId } = change;
    const before = commandId !== undefined && (await readTransactionOf(client, context.tenantId, commandId));
    if (before) return before;
    return appendAll(log, await readLast(client, context.tenantId, commands), change);
  });

async function appendAll(
  log: EventStore,
  last: Map<string, Envelope>,
  { commands, context, commandId, expectedRevision }: FactCommands,
): Promise<ChangedFacts> {
  const events: Envelope[] = [];
  let [position, revision]: [Position | undefined, number] = [undefined, 0];
  for (const { streamId, decide } of [...commands].sort(byStream)) {
    const known = last.get(streamId);
    revision = known?.revision ?? 0;
    if (expectedRevision !== undefined && expectedRevision !== revision)
      throw new RevisionConflict(streamId, expectedRevision);
    const decided = decide(known);
    if (decided.length === 0) continue;
    const appended = await log.append(streamId, decided, {
      expectedRevision: revision,
      context,
      // The first event carries the id of the command.
      ...(commandId !== undefined && events.length === 0 && { commandId }),
    });
    events.push(...appended.events);
    ({ position, revision } = appended);
    const latest = appended.events.at(-1);
    if (latest) last.set(streamId, latest);
  }
  return { events, revision, position, duplicate: false };
}

const byStream = (a: FactCommand, b: FactCommand): number =>
  a.streamId === b.streamId ? 0 : a.streamId < b.streamId ? -1 : 1;

/** All that the command stored: its id stands in the first of several streams. */
async function readTransactionOf(query: Query, tenantId: string, commandId: string): Promise<ChangedFacts | undefined> {
  const { rows } = await query.query<{ envelope: string; tx: string; seq: string }>({
    name: 'transaction-of-command',
    text: `select e.envelope, e.tx::text, e.seq::text from events c join events e on e.tx = c.tx and e.tenant_id = c.tenant_id
           where c.tenant_id = $1 and c.command_id = $2 order by e.seq`,
    values: [tenantId, commandId],
  });
  const last = rows.at(-1);
  if (!last) return undefined;
  const events = rows.map(({ envelope }) => parseEnvelope(envelope));
  const position = { tx: BigInt(last.tx), seq: BigInt(last.seq) };
  return { events, revision: events.at(-1)?.revision ?? 0, position, duplicate: true };
}

async function readLast(
  query: Query,
  tenantId: string,
  commands: readonly FactCommand[],
): Promise<Map<string, Envelope>> {
  const { rows } = await query.query<{ envelope: string }>({
    name: 'last-of-streams',
    text: `select e.envelope from unnest($2::text[]) s(id) cross join lateral (
             select envelope from events where tenant_id = $1 and stream_id = s.id order by revision desc limit 1) e`,
    values: [tenantId, [...new Set(commands.map(({ streamId }) => streamId))]],
  });
  return new Map(rows.map(({ envelope }) => parseEnvelope(envelope)).map((event) => [event.streamId, event]));
}
