import type { Envelope, Position } from '@gatehouse/contracts';
import { startPosition } from '@gatehouse/contracts';
import { parseEnvelope } from '@gatehouse/event-store';
import type pg from 'pg';
import type { SubjectKeys } from '../../user/subject-keys.service.js';

/** Events looked through in one statement: it must end long before its time limit, however few of them are found. */
const window = 20_000;
const pageSize = 250;

/**
 * Every event of identity's own log that names a person: as its actor, in its stream, in its data or as the subject of a
 * sealed field. Looked for in the text of the events, so that a kind of event that is added later is found, too.
 *
 * @param pool connections of the system role
 */
export async function* eventsNaming(pool: pg.Pool, userId: string): AsyncGenerator<readonly Envelope[]> {
  for (let after: Position | undefined = startPosition; after; ) {
    const end = await endOfWindow(pool, after);
    const found = await findBetween(pool, userId, after, end);
    if (found.length > 0) yield found.map(({ envelope }) => parseEnvelope(envelope));
    const last = found.length === pageSize ? found.at(-1) : undefined;
    after = last ? { tx: BigInt(last.tx), seq: BigInt(last.seq) } : end;
  }
}

interface Row {
  readonly tx: string;
  readonly seq: string;
  readonly envelope: string;
}

/** Undefined when the log ends before the window does. */
async function endOfWindow(pool: pg.Pool, after: Position): Promise<Position | undefined> {
  const { rows } = await pool.query<Row>(
    `select tx::text, seq::text from events where (tx, seq) > ($1::xid8, $2::bigint)
     order by events.tx, events.seq offset ${window - 1} limit 1`,
    [String(after.tx), String(after.seq)],
  );
  return rows[0] && { tx: BigInt(rows[0].tx), seq: BigInt(rows[0].seq) };
}

async function findBetween(pool: pg.Pool, userId: string, after: Position, end: Position | undefined) {
  const { rows } = await pool.query<Row>(
    `select tx::text, seq::text, envelope from events
     where (tx, seq) > ($1::xid8, $2::bigint) and position($3 in envelope) > 0
       ${end ? 'and (tx, seq) <= ($4::xid8, $5::bigint)' : ''}
     order by events.tx, events.seq limit ${pageSize}`,
    [String(after.tx), String(after.seq), userId, ...(end ? [String(end.tx), String(end.seq)] : [])],
  );
  return rows;
}

/**
 * One event as the person may read it: her own sealed fields in clear. What is sealed for somebody else is that person's
 * and is named only.
 */
export async function readableEvent(pool: pg.Pool, subjectKeys: SubjectKeys, userId: string, event: Envelope) {
  const { sealed, ...open } = event;
  if (!sealed) return open;
  const own: Record<string, string> = {};
  const ofOthers: string[] = [];
  for (const [field, value] of Object.entries(sealed)) {
    const text = value.subject === userId ? await subjectKeys.open(pool, event.tenantId, field, value) : undefined;
    if (text === undefined) ofOthers.push(field);
    else own[field] = text;
  }
  return { ...open, personal: own, ...(ofOthers.length > 0 && { sealedForOthers: ofOthers }) };
}
