import { inTransaction, parseEnvelope } from '@gatehouse/event-store';
import type pg from 'pg';
import type { HeadRow, SecretRows } from './check-secret.js';

type StoredRows = Omit<SecretRows, 'streamOf'> & { readonly tenantId: string };

interface Key {
  readonly tenant_id: string;
  readonly stream_id: string;
}

const pageSize = 100;

/** All secrets of all tenants, also those of which only rows or only events are there: each seen at one moment. */
export async function* secretPages(pool: pg.Pool): AsyncGenerator<readonly StoredRows[]> {
  let after: Key = { tenant_id: '', stream_id: '' };
  for (;;) {
    const from = after;
    const page = await inTransaction(pool, async (client) => {
      // Events and rows of one moment: the vault may be writing.
      await client.query('set transaction isolation level repeatable read, read only');
      return readPage(client, from);
    });
    const last = page.at(-1);
    if (!last) return;
    yield page;
    after = { tenant_id: last.tenantId, stream_id: last.streamId };
  }
}

async function readPage(client: pg.PoolClient, after: Key): Promise<readonly StoredRows[]> {
  const { rows: keys } = await client.query<Key>(
    `select tenant_id, stream_id from (
       select tenant_id, stream_id from events where revision = 1 and stream_id like 'secret:%'
       union select tenant_id, stream_id from secrets
       union select tenant_id, stream_id from secret_versions) k
     where (tenant_id, stream_id) > ($1, $2) order by tenant_id, stream_id limit $3`,
    [after.tenant_id, after.stream_id, pageSize],
  );
  const streams = [keys.map((key) => key.tenant_id), keys.map((key) => key.stream_id)];
  const of = `join unnest($1::text[], $2::text[]) as wanted(tenant_id, stream_id) using (tenant_id, stream_id)`;
  const read = async <R extends object>(text: string): Promise<Map<string, (R & Key)[]>> => {
    const { rows } = await client.query<R & Key>(text, streams);
    const grouped = new Map<string, (R & Key)[]>();
    for (const row of rows) grouped.set(nameOf(row), [...(grouped.get(nameOf(row)) ?? []), row]);
    return grouped;
  };
  const events = await read<{ envelope: string }>(
    `select tenant_id, stream_id, envelope from events ${of} order by tenant_id, stream_id, revision`,
  );
  const heads = await read<HeadRow>(`select s.* from secrets s ${of}`);
  const versions = await read<SecretRows['versions'][number]>(`select v.* from secret_versions v ${of}`);
  return keys.map((key) => ({
    tenantId: key.tenant_id,
    streamId: key.stream_id,
    events: (events.get(nameOf(key)) ?? []).map(({ envelope }) => parseEnvelope(envelope)),
    head: heads.get(nameOf(key))?.[0],
    versions: versions.get(nameOf(key)) ?? [],
  }));
}

const nameOf = ({ tenant_id, stream_id }: Key): string => `${tenant_id}\0${stream_id}`;
