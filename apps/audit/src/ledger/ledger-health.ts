import type { ReadinessCheck } from '@gatehouse/http';
import { gauge } from '@gatehouse/telemetry';
import { type CheckpointSigner, idleCheckpointMs } from '../checkpoint/checkpoint-signer.js';
import type { LedgerState, LedgerWatch } from './ledger-watch.js';
import type { Sequencer } from './sequencer.js';

/** Room for a slow disk, a restart or a takeover before a late checkpoint counts as old. */
const graceMs = 15_000;
/** A batch that fails comes again within seconds: an older failure was of another replica's turn, or is mended. */
const failureCountsMs = 30_000;

export interface LedgerParts {
  readonly watch: LedgerWatch;
  readonly sequencer: Sequencer;
  readonly signer: CheckpointSigner;
}

/** Why the last checkpoint is too old, or undefined. */
export function staleCheckpoint(state: LedgerState | undefined, nowMs: number): string | undefined {
  if (!state) return 'the ledger has not been read yet';
  if (state.checkpointAtMs === undefined) return 'there is no checkpoint yet';
  const ageMs = nowMs - state.checkpointAtMs;
  const isOverdue = ageMs > idleCheckpointMs + graceMs || nowMs - (state.unsignedSinceMs ?? nowMs) > graceMs;
  return isOverdue ? `the last checkpoint is ${Math.round(ageMs / 1_000)} s old` : undefined;
}

export function ledgerChecks({ watch, sequencer, signer }: LedgerParts): readonly ReadinessCheck[] {
  const check = (name: string, find: () => string | undefined): ReadinessCheck => ({
    name,
    check: async () => {
      const problem = find();
      return problem === undefined ? 'ok' : { problem };
    },
  });
  const ledgerProblem = () => {
    const { failure } = sequencer;
    const recent = failure && Date.now() - failure.atMs < failureCountsMs ? failure.reason : '';
    return signer.damage || recent || undefined;
  };
  return [check('ledger', ledgerProblem), check('checkpoint', () => staleCheckpoint(watch.state, Date.now()))];
}

/** Figures of the ledger. Answers the function that takes them back. */
export function registerLedgerMetrics({ watch, signer }: LedgerParts): () => void {
  const ageSeconds = (atMs: number | undefined) => (atMs === undefined ? 0 : Math.max(0, (Date.now() - atMs) / 1_000));
  const removals = [
    gauge('gatehouse_ledger_entries', 'Entries in the ledger', () => watch.state?.size ?? 0),
    gauge('gatehouse_ledger_newest_entry_age_seconds', 'Time since the newest entry happened', () =>
      ageSeconds(watch.state?.newestAtMs),
    ),
    gauge(
      'gatehouse_ledger_checkpoint_size',
      'Entries under the last checkpoint',
      () => watch.state?.checkpointSize ?? 0,
    ),
    gauge('gatehouse_ledger_checkpoint_age_seconds', 'Time since the last checkpoint', () =>
      ageSeconds(watch.state?.checkpointAtMs),
    ),
    gauge('gatehouse_ledger_alarm', 'Whether signing has stopped because the ledger is damaged', () =>
      signer.damage === '' ? 0 : 1,
    ),
  ];
  return () => {
    for (const remove of removals) remove();
  };
}
