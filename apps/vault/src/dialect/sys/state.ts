import type { SealStatus } from '../../key/seal-control.js';

/** What clients ask before they have a token: how a load balancer and `vault status` see the vault. */
export const sealStatusBody = (state: SealStatus) => ({
  type: state.kind,
  ...{ initialized: state.initialized, sealed: state.sealed },
  ...{ t: state.threshold, n: state.shares, progress: state.progress, nonce: state.nonce },
  ...{ version: state.version, build_date: '', migration: false, recovery_seal: false, storage_type: 'postgresql' },
});

export interface HealthCodes {
  readonly activecode?: number | undefined;
  readonly sealedcode?: number | undefined;
  readonly uninitcode?: number | undefined;
}

/** 200 for what answers; 501 and 503 for what has no key yet, or not in memory, unless the caller wants other numbers. */
export function healthOf(state: SealStatus, codes: HealthCodes, nowMs: number) {
  const status = !state.initialized
    ? (codes.uninitcode ?? 501)
    : state.sealed
      ? (codes.sealedcode ?? 503)
      : (codes.activecode ?? 200);
  const body = {
    ...{ initialized: state.initialized, sealed: state.sealed, standby: false, performance_standby: false },
    ...{ replication_performance_mode: 'disabled', replication_dr_mode: 'disabled', enterprise: false },
    ...{
      server_time_utc: Math.floor(nowMs / 1_000),
      version: state.version,
      cluster_name: 'gatehouse',
      cluster_id: '',
    },
  };
  return { status, body };
}
