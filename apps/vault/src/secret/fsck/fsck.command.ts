import { connectionFromEnv, loadConfig } from '@gatehouse/config';
import { loadKeyFile, type Pepper } from '@gatehouse/crypto';
import { openPool } from '@gatehouse/event-store';
import type { Command } from '@gatehouse/service';
import type pg from 'pg';
import { vaultSettings } from '../../settings.js';
import { recordablePath } from '../recordable-path.js';
import { secretStream } from '../stored-secret.js';
import { checkSecret, type Fault } from './check-secret.js';
import { secretPages } from './secret-pages.js';

export interface FoundFault extends Fault {
  readonly tenantId: string;
  readonly streamId: string;
  /** As the row says it, and as it may be recorded; null where there is no row. */
  readonly path: string | null;
}

export interface FsckReport {
  readonly secrets: number;
  readonly versions: number;
  readonly faults: readonly FoundFault[];
}

/** Compares every row of every secret with the log. Opens nothing, so it needs no key. */
export async function fsck(pool: pg.Pool, pepper: Pepper): Promise<FsckReport> {
  let [secrets, versions] = [0, 0];
  const faults: FoundFault[] = [];
  for await (const page of secretPages(pool)) {
    for (const { tenantId, ...rows } of page) {
      secrets++;
      versions += rows.versions.length;
      const streamOf = (path: string) => secretStream(pepper, tenantId, path);
      const { streamId } = rows;
      const path = rows.head ? recordablePath(pepper, rows.head.path) : null;
      for (const fault of checkSecret({ ...rows, streamOf })) faults.push({ tenantId, path, streamId, ...fault });
    }
  }
  return { secrets, versions, faults };
}

/** `fsck [--json]`: exits with 1 when a row is not what the log says. */
export const fsckCommand: Command<typeof vaultSettings> = async ({ env, args }) => {
  const unknown = args.filter((arg) => arg !== '--json');
  if (unknown.length > 0) throw new Error(`fsck takes no argument but --json, not ${unknown.length} others`);
  const settings = loadConfig(vaultSettings.pick({ PEPPER_FILE: true }), env);
  const { url } = connectionFromEnv(env, 'DATABASE_SYSTEM');
  const pool = openPool({ url, max: 1, applicationName: 'vault-fsck' });
  try {
    const report = await fsck(pool, loadKeyFile(settings.PEPPER_FILE));
    process.stdout.write(args.includes('--json') ? `${JSON.stringify(report)}\n` : tableOf(report));
    if (report.faults.length > 0) process.exitCode = 1;
  } finally {
    await pool.end();
  }
};

function tableOf({ secrets, versions, faults }: FsckReport): string {
  const summary = `${secrets} secrets with ${versions} stored versions: ${faults.length} faults\n`;
  const rows = faults.map(({ tenantId, path, streamId, version, finding }) => [
    ...[tenantId, path ?? streamId, version === 0 ? '-' : String(version), finding],
  ]);
  const table = [['TENANT', 'SECRET', 'VERSION', 'FINDING'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ');
  return faults.length === 0 ? summary : `${table.map(line).join('\n')}\n\n${summary}`;
}
