import { RpcError } from '@gatehouse/bus';
import type { Query } from '@gatehouse/event-store';

export interface Question {
  readonly userId: string;
  readonly cursor?: string | undefined;
}

export interface Answer {
  readonly items: { kind: string; record: Record<string, unknown> }[];
  readonly nextCursor?: string;
  readonly total?: number;
}

const pageGrants = 500;
/** `<tenant> <grant>` of the last row that was given. */
const cursorPattern = /^([a-z0-9][a-z0-9-]{0,62}) (\S{1,150})$/;

interface Row {
  readonly tenant_id: string;
  readonly grant_id: string;
  readonly role: string;
  readonly scope: string;
  readonly active: boolean;
  readonly granted_by_type: string;
  readonly granted_by_id: string;
  readonly granted_at: Date;
}

/**
 * The next page of the grants that a person has or had, in whatever tenant. Decisions about the person are not here: each
 * stands in the ledger, which is read from audit.
 *
 * @param query connections of the system role
 */
export async function findGrants(query: Query, { userId, cursor }: Question): Promise<Answer> {
  const after = cursor === undefined ? ['', '', ''] : cursorPattern.exec(cursor);
  if (!after) throw new RpcError('malformed', 'the cursor is none of ours');
  const { rows } = await query.query<Row>(
    `select tenant_id, grant_id, role, scope, active, granted_by_type, granted_by_id, granted_at from grants
     where subject_type = 'user' and subject_id = $1 and (tenant_id, grant_id) > ($2, $3)
     order by tenant_id, grant_id limit ${pageGrants}`,
    [userId, after[1], after[2]],
  );
  const last = rows.length === pageGrants ? rows.at(-1) : undefined;
  return { items: rows.map(toItem), ...(last && { nextCursor: `${last.tenant_id} ${last.grant_id}` }) };
}

const toItem = (row: Row): Answer['items'][number] => ({
  kind: 'grant',
  record: {
    tenantId: row.tenant_id,
    grantId: row.grant_id,
    role: row.role,
    scope: row.scope,
    active: row.active,
    grantedBy: { type: row.granted_by_type, id: row.granted_by_id },
    grantedAt: row.granted_at.toISOString(),
  },
});
