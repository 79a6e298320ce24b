import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { connectionFromEnv } from '@gatehouse/config';
import { inTransaction, openPool, type PostgresEventStore } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type { Command } from '@gatehouse/service';
import type pg from 'pg';
import { type OpenStore, operatorContext, withOperator } from '../../bootstrap/operator-access.service.js';
import type { identitySettings } from '../../settings.js';
import { destroySubjectKeys } from '../../user/subject-keys.service.js';
import { readErasedPeople } from './erased-people.js';
import { ErasureRows } from './erasure-rows.service.js';
import { requestErasure } from './request-erasure.service.js';

/**
 * `reapply-erasures [--from FILE]`: for after a restore. Destroys the keys of everybody whose `user.erased` is in the log,
 * and of everybody in FILE (certificates, events or ledger entries, a JSON document a line). Who was erased after the
 * backup was made is a person again in it: for these an erasure is queued, which the running service carries out.
 */
export const reapplyErasuresCommand =
  (openStore: OpenStore): Command<typeof identitySettings> =>
  async ({ env, args }) => {
    const { values } = parseArgs({ args: [...args], options: { from: { type: 'string' } } });
    const listed = values.from === undefined ? [] : readErasedPeople(readFileSync(values.from, 'utf8'));
    const { url } = connectionFromEnv(env, 'DATABASE_SYSTEM');
    const system = openPool({ url, max: 2, applicationName: 'identity-reapply-erasures', queryTimeoutMs: 600_000 });
    try {
      const said = await withOperator(env, openStore, ({ store }) => reapply(store, system, listed));
      process.stdout.write(`identity: ${said}\n`);
    } finally {
      await system.end();
    }
  };

async function reapply(store: PostgresEventStore, system: pg.Pool, listed: readonly string[]): Promise<string> {
  const erased = await erasedInLog(system);
  const people = new Set([...erased, ...listed]);
  let [keys, queued] = [0, 0];
  for (const userId of people) {
    // First of all: from here on nothing that the backup brought back can be read.
    keys += await destroySubjectKeys(system, userId);
    if (!erased.has(userId) && (await queueAgain(store, system, userId))) queued++;
  }
  return `${people.size} erased people, ${keys} keys destroyed, ${queued} erasures queued for the service`;
}

async function erasedInLog(system: pg.Pool): Promise<ReadonlySet<string>> {
  return inTransaction(system, async (client) => {
    // The whole log is looked through: longer than any request may take.
    await client.query('set local statement_timeout = 0');
    const { rows } = await client.query<{ id: string }>(
      `select distinct envelope::jsonb #>> '{data,userId}' as id from events where type = 'user.erased'`,
    );
    return new Set(rows.map(({ id }) => id));
  });
}

/** False for somebody who is not in this backup at all, or whose erasure waits already. */
async function queueAgain(store: PostgresEventStore, system: pg.Pool, userId: string): Promise<boolean> {
  const { rows } = await system.query<{ tenant_id: string }>('select tenant_id from people where user_id = $1', [
    userId,
  ]);
  if (!rows[0]) return false;
  const homeTenantId = rows[0].tenant_id;
  const { actor, ...context } = operatorContext(homeTenantId, Date.now());
  try {
    await requestErasure(
      { store, rows: new ErasureRows(system) },
      {
        person: { userId, homeTenantId },
        askedBy: { ...actor, tenantId: homeTenantId },
        dueAtMs: context.now,
        context: { ...context, actor },
      },
    );
    return true;
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'erasure_running') return false;
    throw error;
  }
}
