import { connectionFromEnv, loadConfig, loadTogether } from '@gatehouse/config';
import { keyFingerprint, loadKeyFile, loadRootKey, type Pepper } from '@gatehouse/crypto';
import { type CommandContext, openPool, type PostgresEventStore, sqlState } from '@gatehouse/event-store';
import { newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { Secrets } from '../area.js';
import { identitySettings } from '../settings.js';
import { refuseSharedKey } from '../start-checks.service.js';
import { SubjectKeys } from '../user/subject-keys.service.js';

export type OpenStore = (pool: pg.Pool, secrets: Secrets) => PostgresEventStore;

/** What somebody who runs the installation can reach without any service: the database and the key files. */
export interface Operator {
  readonly store: PostgresEventStore;
  readonly subjectKeys: SubjectKeys;
  readonly pepper: Pepper;
}

const settings = identitySettings.pick({ PEPPER_FILE: true, ROOT_KEY_FILE: true });
const undefinedTable = '42P01';

/** Runs an operator's command on connections of the request role, and closes them. NATS is not needed. */
export async function withOperator<T>(
  env: NodeJS.ProcessEnv,
  openStore: OpenStore,
  work: (operator: Operator) => Promise<T>,
): Promise<T> {
  const { files, database } = loadTogether({
    files: () => loadConfig(settings, env),
    database: () => connectionFromEnv(env, 'DATABASE'),
  });
  const pepper = loadKeyFile(files.PEPPER_FILE);
  const root = loadRootKey(files.ROOT_KEY_FILE);
  refuseSharedKey(pepper, root);
  const pool = openPool({ url: database.url, max: 2, applicationName: 'identity-operator' });
  try {
    return await work({ store: openStore(pool, { root, pepper }), subjectKeys: new SubjectKeys(pool, root), pepper });
  } catch (error) {
    if (sqlState(error) !== undefinedTable) throw error;
    throw new Error('the schema is not there yet: run the command migrate first', { cause: error });
  } finally {
    await pool.end();
  }
}

export const fingerprintOf = (pepper: Pepper, secret: string): string =>
  keyFingerprint(pepper, secret).toString('base64');

/** Events of an operator's command: nobody was asked, since whoever reads the key files could do anything anyway. */
export const operatorContext = (tenantId: string, now: number): CommandContext => ({
  tenantId,
  actor: { type: 'gatehouse', id: 'operator' },
  now,
  correlationId: newTraceContext().traceId,
});
