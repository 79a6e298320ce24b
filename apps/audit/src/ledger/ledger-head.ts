import type { Query } from '@gatehouse/event-store';

/** How many entries the ledger has, and the root of its tree. */
export interface LedgerHead {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

export async function readHead(query: Query): Promise<LedgerHead> {
  const { rows } = await query.query<{ size: string; root: Buffer }>({
    name: 'ledger-head',
    text: 'select size::text, root from ledger_head',
  });
  const row = rows[0];
  if (!row) throw new Error('ledger_head has no row');
  return { size: Number(row.size), root: row.root };
}
