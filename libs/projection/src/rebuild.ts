import { type Position, startPosition } from '@gatehouse/contracts';
import { commit, readLog, readUpTo, readVisible } from '@gatehouse/event-store';
import type pg from 'pg';
import { applyOrPark, rebuildName } from './parking.js';
import { loadPosition } from './positions.js';
import { type ProjectedEvent, type Projection, toProjected } from './projection.js';

/** What a rebuild found. `differences` counts rows that only one of the two tables had: 0 when live equalled the fold. */
export interface RebuildReport {
  readonly events: number;
  readonly parked: number;
  readonly differences: number;
  readonly durationMs: number;
}

type Client = Pick<pg.ClientBase, 'query'>;

const batch = 2_000;

/**
 * Folds the whole log into shadow tables beside the live ones, compares the two, and puts the new rows in place of the
 * old in one transaction, in which no writer can touch the live tables. Readers see the old rows until then.
 */
export async function rebuild(client: pg.Client, service: string, projection: Projection): Promise<RebuildReport> {
  const startedAt = performance.now();
  const shadow = `${service}_rebuild`;
  const total = { events: 0, parked: 0 };
  const applyShadow = async (events: readonly ProjectedEvent[]) => {
    if (events.length === 0) return;
    await client.query(`set local search_path = ${shadow}, ${service}`);
    total.parked += await applyOrPark(client, rebuildName(projection.name), projection.apply, events);
    total.events += events.length;
  };

  await createShadow(client, service, shadow, projection);
  // A runner's table holds the log up to its position and no further, so that is what it is compared with.
  const until = projection.inline ? undefined : await loadPosition(client, projection.name);
  const read = await foldLog(client, service, projection, applyShadow, until);
  const differences = await inTransaction(client, async () => {
    // From here on no inline projection can write: what is visible is all there is.
    for (const table of projection.tables)
      await client.query(`lock table ${service}.${table} in share row exclusive mode`);
    if (projection.inline) await applyLate(client, service, projection, read, applyShadow);
    const found = await countDifferences(client, service, shadow, projection.tables);
    await swap(client, service, shadow, projection);
    return found; // COMMIT POINT: the new rows in place of the old
  });
  await dropShadow(client, shadow, projection);
  return { ...total, differences, durationMs: Math.round(performance.now() - startedAt) };
}

/** Events behind the horizon whose rows are already there: their transactions wrote both before we got the lock. */
async function applyLate(
  client: pg.Client,
  service: string,
  projection: Projection,
  after: Position,
  apply: (events: readonly ProjectedEvent[]) => Promise<void>,
): Promise<void> {
  for (let position = after; ; ) {
    const late = await readVisible(client, position, { limit: batch, types: projection.types });
    await apply(late.map((event) => toProjected(service, event)));
    if (late.length < batch) return;
    position = late.at(-1)?.position ?? position;
  }
}

async function foldLog(
  client: pg.Client,
  service: string,
  projection: Projection,
  apply: (events: readonly ProjectedEvent[]) => Promise<void>,
  until: Position | undefined,
): Promise<Position> {
  const options = { limit: batch, types: projection.types };
  let position = startPosition;
  for (let more = true; more; ) {
    const page = await inTransaction(client, async () => {
      const next = until
        ? { position: until, events: await readUpTo(client, position, until, options) }
        : await readLog(client, position, options);
      await apply(next.events.map((event) => toProjected(service, event)));
      return next;
    });
    more = page.events.length === batch;
    position = (more && page.events.at(-1)?.position) || page.position;
  }
  return position;
}

async function createShadow(client: Client, service: string, shadow: string, projection: Projection): Promise<void> {
  await dropShadow(client, shadow, projection);
  for (const table of projection.tables)
    await client.query(`create table ${shadow}.${table} (like ${service}.${table} including all)`);
  await client.query('delete from parked_events where projection = $1', [rebuildName(projection.name)]);
}

async function dropShadow(client: Client, shadow: string, projection: Projection): Promise<void> {
  for (const table of [...projection.tables].reverse()) await client.query(`drop table if exists ${shadow}.${table}`);
}

async function countDifferences(client: Client, live: string, shadow: string, tables: readonly string[]) {
  let differences = 0;
  for (const table of tables) {
    const { rows } = await client.query<{ n: string }>(
      `select count(*) as n from (
         (select * from ${live}.${table} except all select * from ${shadow}.${table}) union all
         (select * from ${shadow}.${table} except all select * from ${live}.${table})) d`,
    );
    differences += Number(rows[0]?.n ?? 0);
  }
  return differences;
}

/** The new rows in place of the old, and with them what could not be applied. */
async function swap(client: Client, live: string, shadow: string, { name, tables }: Projection): Promise<void> {
  for (const table of [...tables].reverse()) await client.query(`delete from ${live}.${table}`);
  for (const table of tables) await client.query(`insert into ${live}.${table} select * from ${shadow}.${table}`);
  await client.query('delete from parked_events where projection = $1', [name]);
  await client.query('update parked_events set projection = $1 where projection = $2', [name, rebuildName(name)]);
}

async function inTransaction<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    await commit(client);
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
