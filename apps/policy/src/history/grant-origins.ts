import { type Actor, type Envelope, formatPosition, type Position } from '@gatehouse/contracts';
import { asTenant, parseEnvelope } from '@gatehouse/event-store';
import type pg from 'pg';
import { entityStream } from '../entity/entity.js';
import { grantStream } from '../grant/grant.js';

/** The event that made or ended something: its id finds the proof in the ledger. */
export interface Origin {
  readonly eventId: string;
  /** RFC 3339, in UTC. */
  readonly at: string;
  readonly by: Actor;
  /** Decision, event or command it follows from. */
  readonly cause?: string;
  readonly position: string;
}

export const originOf = ({ id, occurredAt, actor, causationId }: Envelope, position: Position): Origin => ({
  eventId: id,
  at: occurredAt,
  by: { type: actor.type, id: actor.id },
  ...(causationId && { cause: causationId }),
  position: formatPosition(position),
});

/** Grants of one call, at most. */
export const maxOrigins = 1_000;
const ownership = /^owner:([^/]+)\/(.+)$/su;

const streamOf = (grantId: string): string => {
  const [, type, id] = ownership.exec(grantId) ?? [];
  return type && id ? entityStream({ type, id }) : grantStream(grantId);
};

/**
 * The event that made each grant as it stood at a position: `role.granted`, or for ownership (`owner:<type>/<id>`) the
 * description that named the owner last. A grant that was never made is left out.
 *
 * @param pool connections of the request role: only events of the tenant are seen
 * @throws RangeError for more than {@link maxOrigins}
 */
export async function findOrigins(
  pool: pg.Pool,
  tenantId: string,
  grantIds: readonly string[],
  upTo: Position,
): Promise<ReadonlyMap<string, Origin>> {
  if (grantIds.length > maxOrigins) throw new RangeError(`more than ${maxOrigins} grants at once`);
  const streams = grantIds.map(streamOf);
  const { rows } = await asTenant(pool, tenantId, (client) =>
    client.query<{ place: number; tx: string; seq: string; envelope: string }>({
      name: 'origins',
      text: `select s.place::int - 1 as place, e.tx::text, e.seq::text, e.envelope
             from unnest($2::text[]) with ordinality s(id, place) cross join lateral (
               select tx, seq, envelope from events
               where tenant_id = $1 and stream_id = s.id and type in ('role.granted', 'entity.described')
                 and (tx, seq) <= ($3::xid8, $4::bigint)
               order by revision desc limit 1) e`,
      values: [tenantId, streams, String(upTo.tx), String(upTo.seq)],
    }),
  );
  const found = rows.map(({ place, tx, seq, envelope }) => {
    const position = { tx: BigInt(tx), seq: BigInt(seq) };
    return [grantIds[place] ?? '', originOf(parseEnvelope(envelope), position)] as const;
  });
  return new Map(found);
}
