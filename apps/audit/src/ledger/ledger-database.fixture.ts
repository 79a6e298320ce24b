import { randomUUID } from 'node:crypto';
import { inTransaction, openPool, roleNames, rolesSql, writeEvent } from '@gatehouse/event-store';
import type { ProjectedEvent } from '@gatehouse/projection';
import { startTestPostgres, type TestPostgres } from '@gatehouse/testing';
import pg from 'pg';
import { Foundation1795312800000 } from '../migrations/1795312800000-foundation.js';
import { DecisionBatches1795312800107 } from '../migrations/1795312800107-decision-batches.js';
import type { Sequencer } from './sequencer.js';

export interface LedgerDatabase {
  readonly postgres: TestPostgres;
  readonly systemUrl: string;
  readonly system: pg.Pool;
  readonly admin: pg.Pool;
  /** Empties the ledger, as no role of the service can. */
  empty(): Promise<void>;
  stop(): Promise<void>;
}

/** Audit's schema on a PostgreSQL of its own, with the rights of the real roles. */
export async function createLedgerDatabase(): Promise<LedgerDatabase> {
  const postgres = await startTestPostgres();
  const admin = new pg.Pool({ connectionString: await postgres.createDatabase('ledger'), max: 3 });
  admin.on('error', () => undefined);
  await admin.query(rolesSql('audit', { request: 'request-password-1', system: 'system-password-1' }));
  for (const migration of [new Foundation1795312800000(), new DecisionBatches1795312800107()])
    await migration.up({ query: (text: string) => admin.query(text) } as never);
  const systemUrl = postgres.urlOf('ledger', roleNames('audit').system);
  const system = openPool({ url: systemUrl, max: 4, applicationName: 'test', onError: () => undefined });
  return {
    postgres,
    systemUrl,
    system,
    admin,
    async empty() {
      await admin.query(`truncate audit.entries, audit.tiles, audit.checkpoints`);
      await admin.query(`update audit.ledger_head set size = 0, root = sha256('')`);
    },
    async stop() {
      await Promise.all([system.end(), admin.end()]);
      await postgres.stop();
    },
  };
}

let made = 0;

/** An event as the inbox hands it over. */
export function makeEvent(data: object = {}, type = 'test.happened', actorId = 'tester'): ProjectedEvent {
  made++;
  const { envelope, text } = writeEvent({ type, version: 1, data: { n: made, ...data } }, `test:${randomUUID()}`, 1, {
    tenantId: made % 2 === 0 ? 'main' : 'other',
    actor: { type: 'service', id: actorId },
    now: Date.now(),
    correlationId: randomUUID().replaceAll('-', ''),
  });
  return { envelope, text, source: 'policy', position: { tx: BigInt(made), seq: 1n } };
}

export const makeEvents = (count: number): ProjectedEvent[] => Array.from({ length: count }, () => makeEvent());

/** What the inbox does: the events' entries, committed. */
export const append = (pool: pg.Pool, sequencer: Sequencer, events: readonly ProjectedEvent[]): Promise<void> =>
  inTransaction(pool, (client) => sequencer.apply(client, events));
