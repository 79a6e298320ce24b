import { createHash } from 'node:crypto';
import type { PasskeyCounterRegressed, SealedField } from '@gatehouse/contracts';
import { type CommandContext, type EventStore, handle, type Query } from '@gatehouse/event-store';
import { factorsDecider, factorsStream } from '../factor.js';

type Client = Pick<Query, 'query'>;

export interface PasskeyRow {
  readonly tenant_id: string;
  readonly user_id: string;
  readonly factor_id: string;
  readonly secret: SealedField;
}

/** An answer whose signature was right. */
export interface Signed {
  readonly row: PasskeyRow;
  readonly counter: number;
  readonly challenge: string;
  readonly endsMs: number;
}

/** Whether the challenge was not used before; it is used then. Of two transactions with one the second waits, and sees it. */
export async function useChallenge(
  client: Client,
  tenantId: string,
  { challenge, endsMs }: { readonly challenge: string; readonly endsMs: number },
): Promise<boolean> {
  const fingerprint = createHash('sha256').update(challenge).digest('base64url');
  const { rowCount } = await client.query(
    `insert into used_passkey_challenges (tenant_id, fingerprint, expires_at) values ($1, $2, $3) on conflict do nothing`,
    [tenantId, fingerprint, new Date(endsMs)],
  );
  return rowCount === 1;
}

/** A counter that is kept must grow (WebAuthn, 6.1.1); authenticators without one always say 0. */
export async function moveCounter(client: Client, { row, counter }: Signed, nowMs: number): Promise<boolean> {
  const { rowCount } = await client.query(
    `update factors set counter = $2, last_used_at = $3
     where factor_id = $1 and (counter < $2 or (counter = 0 and $2 = 0))`,
    [row.factor_id, counter, new Date(nowMs)],
  );
  return rowCount === 1;
}

/** Answers false: what is reported is refused. */
export async function reportRegression(log: EventStore, row: PasskeyRow, context: CommandContext): Promise<false> {
  const data: PasskeyCounterRegressed = { userId: row.user_id, factorId: row.factor_id };
  await handle(log, factorsDecider, {
    streamId: factorsStream(row.user_id),
    context,
    decide: () => [{ type: 'passkey.counter_regressed', version: 1, data }],
  });
  return false;
}
