import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { connectionFromEnv, loadConfig, loadTogether, setting } from '@gatehouse/config';
import { loadOrCreateEd25519 } from '@gatehouse/crypto';
import { openPool } from '@gatehouse/event-store';
import { z } from 'zod';
import { readHeadFile } from '../checkpoint/head-file.js';
import { type LogIdentity, logIdentity, logKey } from '../checkpoint/log-key.js';
import { LedgerDamaged } from '../ledger/ledger-damaged.js';
import { auditSettings } from '../settings.js';
import { checkLedger, type LedgerReport } from './check-ledger.js';
import type { Promised } from './checkpoint-check.js';

const fsckSettings = z.object({
  LEDGER_KEY_FILE: setting.text('File with the key that signs checkpoints').optional(),
  LEDGER_HEAD_FILE: auditSettings.shape.LEDGER_HEAD_FILE.optional(),
  LEDGER_ORIGIN: auditSettings.shape.LEDGER_ORIGIN,
});
type FsckSettings = z.output<typeof fsckSettings>;

/** Exit status of a ledger that is not whole; 1 is a check that could not be made. */
export const damagedStatus = 2;
const progressMs = 1_000;

/**
 * `fsck [--json] [--vkey KEY]`: checks the whole ledger, in the database and beside the running service. The public key
 * is that of `LEDGER_KEY_FILE`, or `--vkey`.
 */
export async function fsck({ env, args }: { readonly env: NodeJS.ProcessEnv; readonly args: readonly string[] }) {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' }, vkey: { type: 'string' } } });
  const { settings, system } = loadTogether({
    settings: () => loadConfig(fsckSettings, env),
    system: () => connectionFromEnv(env, 'DATABASE_SYSTEM'),
  });
  const log = identityFor(settings, values.vkey);
  const query = openPool({ url: system.url, max: 1, applicationName: 'audit-fsck', queryTimeoutMs: 60_000 });
  try {
    const { promise, problem } = await readPromise(settings, log);
    const report = await checkLedger({ query, log, promised: promise, onProgress: progress() });
    const whole = problem === undefined ? report : withProblem(report, problem);
    process.stdout.write(values.json ? `${JSON.stringify(whole)}\n` : verdict(whole));
    if (!whole.ok) process.exitCode = damagedStatus;
  } finally {
    await query.end();
  }
}

function identityFor({ LEDGER_KEY_FILE: file, LEDGER_ORIGIN: origin }: FsckSettings, vkey?: string): LogIdentity {
  if (vkey !== undefined) return logIdentity(vkey);
  // A check must not make the key that it checks with.
  if (file === undefined || !existsSync(file)) throw new Error('give the ledger key: --vkey KEY, or LEDGER_KEY_FILE');
  return logKey(origin, loadOrCreateEd25519(file).privateKey);
}

interface HeadPromise {
  readonly promise?: Promised | undefined;
  readonly problem?: string;
}

async function readPromise({ LEDGER_HEAD_FILE: file }: FsckSettings, log: LogIdentity): Promise<HeadPromise> {
  if (file === undefined) return {};
  try {
    const head = await readHeadFile(file, log);
    return { promise: head && { name: file, size: head.size, root: head.root } };
  } catch (error) {
    if (error instanceof LedgerDamaged) return { problem: error.message };
    throw error;
  }
}

const withProblem = (report: LedgerReport, text: string): LedgerReport => ({
  ...report,
  ok: false,
  problems: [...report.problems, { index: undefined, text }],
  problemCount: report.problemCount + 1,
});

/** A line a second on the error stream, so that the verdict can be piped. */
function progress(): (checked: number, total: number) => void {
  let nextAtMs = Date.now() + progressMs;
  return (checked, total) => {
    if (Date.now() < nextAtMs) return;
    nextAtMs = Date.now() + progressMs;
    process.stderr.write(`checked ${checked} of ${total} entries\n`);
  };
}

function verdict(report: LedgerReport): string {
  const { entries, tiles, checkpoints, problems, problemCount, firstBadIndex, durationMs } = report;
  const scope = `${entries} entries, ${tiles} tiles, ${checkpoints} checkpoints in ${(durationMs / 1_000).toFixed(1)} s`;
  if (report.ok) return `The ledger is whole: ${scope}.\n`;
  const lines = problems.map(({ index, text }) => (index === undefined ? `- ${text}` : `- entry ${index}: ${text}`));
  const more = problemCount > problems.length ? [`- and ${problemCount - problems.length} more`] : [];
  const first = firstBadIndex === null ? '' : ` First bad index: ${firstBadIndex}.`;
  return [`The ledger is DAMAGED.${first} Checked ${scope}.`, ...lines, ...more, ''].join('\n');
}
