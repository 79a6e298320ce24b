import { randomBytes } from 'node:crypto';
import type { FactorKind, SealedField } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import { type CommandContext, type EventStore, handle, type Query } from '@gatehouse/event-store';
import type { Person } from '../person/people.service.js';
import { addFactor } from './change-factors/change-factors.js';
import { factorsDecider, factorsStream } from './factor.js';
import {
  recoveryCodeCount,
  recoveryCodes,
  recoveryFingerprint,
  recoveryRandomBytes,
} from './recovery-code/recovery-code.js';

type Client = Pick<Query, 'query'>;

/** Whose factors, and where the person's streams, rows and keys are. */
export type Holder = Pick<Person, 'userId' | 'homeTenantId'>;

/** The names of the sealed fields: part of what a seal is bound to. */
export const sealedAs = { secret: 'factor.secret', name: 'name' } as const;

export interface NewFactor {
  readonly factorId: string;
  readonly kind: FactorKind;
  readonly secret: SealedField;
  readonly name?: SealedField;
  readonly lookup?: string;
  readonly lastStep?: number;
  readonly counter?: number;
  readonly onlyAsFirst: boolean;
}

/** What the answer of an enrolment shows. The codes are shown here and nowhere else. */
export interface Enrolled {
  readonly factor_id: string;
  readonly recovery_codes?: readonly string[];
}

/**
 * Stores a factor: its event, its row, and recovery codes with it when the person has none. Inside the transaction of
 * the caller, whose commit is the commit point.
 */
export async function storeFactor(
  log: EventStore,
  client: Client,
  pepper: Pepper,
  holder: Holder,
  factor: NewFactor,
  context: CommandContext,
): Promise<Enrolled> {
  const { userId, homeTenantId } = holder;
  const { factorId, kind, name, onlyAsFirst } = factor;
  const command = { userId, factorId, kind, onlyAsFirst, recoveryCodes: recoveryCodeCount, ...(name && { name }) };
  const { events } = await handle(log, factorsDecider, {
    streamId: factorsStream(userId),
    context,
    decide: (state) => addFactor(command, state),
  });
  await client.query(
    `insert into factors (tenant_id, user_id, factor_id, kind, lookup, name, secret, last_step, counter, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      homeTenantId,
      userId,
      factorId,
      kind,
      factor.lookup ?? null,
      name ? JSON.stringify(name) : null,
      JSON.stringify(factor.secret),
      factor.lastStep ?? 0,
      factor.counter ?? 0,
      new Date(context.now),
    ],
  );
  const codesToo = events.some(({ type }) => type === 'recovery_codes.made');
  return { factor_id: factorId, ...(codesToo && { recovery_codes: await replaceCodes(client, pepper, holder) }) };
}

/** Puts ten new codes in the place of all earlier ones and answers them in clear, for the one answer that shows them. */
export async function replaceCodes(
  client: Client,
  pepper: Pepper,
  { userId, homeTenantId }: Holder,
): Promise<readonly string[]> {
  const codes = recoveryCodes(randomBytes(recoveryRandomBytes));
  await client.query('delete from recovery_codes where user_id = $1', [userId]);
  await client.query(`insert into recovery_codes (tenant_id, user_id, fingerprint) select $1, $2, unnest($3::text[])`, [
    homeTenantId,
    userId,
    codes.map((code) => recoveryFingerprint(pepper, userId, code)),
  ]);
  return codes;
}
