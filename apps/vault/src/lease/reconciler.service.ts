import { type PostgresEventStore, RevisionConflict } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';
import type pg from 'pg';
import type { Databases } from '../database/databases.service.js';
import { ownContext } from '../database/permission.js';
import { isAboutServer, TargetError } from '../database/target-error.js';
import { renewRole, rolesOf } from '../database/target-roles.js';
import type { Keyring } from '../key/keyring.js';
import type { Attempts } from './attempts.js';
import { isOpen, type Lease, leaseStream } from './lease.js';
import { decideOn, reportFailing } from './lease-commands.js';
import { leasesOf, loggedLease, openLeases } from './lease-list/lease-rows.js';
import { alarms, ended, failures } from './lease-metrics.js';
import { usernamePrefix } from './lease-name.js';
import { readMarker } from './marker.js';
import { type Judged, type LoggedLease, type RoleSeen, reconcile } from './reconcile.js';
import type { RoleDropper } from './role-dropper.js';

export interface ReconcilerOptions {
  readonly platform: Platform;
  readonly store: PostgresEventStore;
  readonly keyring: Keyring;
  readonly databases: Databases;
  readonly dropper: RoleDropper;
  readonly attempts: Attempts;
  readonly graceMs: number;
  /** After how many failures somebody is told. */
  readonly alarmAfter: number;
}

/** Work of one turn in a target: the next one may be waiting. */
const turnMs = 5_000;
const turnDrops = 200;

/** Makes log and target agree about the leases of one target. It ends nothing that it has not just seen there. */
export class Reconciler {
  readonly #options: ReconcilerOptions;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /**
   * @returns after how many milliseconds there is something to do again
   * @throws TargetError, where the target as a whole cannot be worked with
   */
  async reconcile(tenantId: string, database: string, signal: AbortSignal): Promise<number> {
    const { databases, platform, graceMs } = this.#options;
    const pool = platform.database.system;
    // The log before the target: see `Seen.leases`.
    const open = await openLeases(pool, tenantId, database);
    return databases.with(tenantId, database, async (client, { now: targetNow }) => {
      const catalog = await rolesOf(client, usernamePrefix(tenantId));
      const roles: RoleSeen[] = [];
      for (const { username, validUntil, comment } of catalog)
        roles.push({ username, validUntil, marker: await this.#markerOf(tenantId, username, comment) });
      const leases = [...open, ...(await this.#endedOf(tenantId, database, open, roles))];
      const judged = reconcile({ leases, roles, database, targetNow, now: Date.now(), graceMs });
      const byId = new Map(leases.map((logged) => [logged.leaseId, logged.lease]));
      const rest = await this.#carryOut(client, tenantId, judged, byId, signal);
      return rest > 0 ? 0 : untilNext(open, targetNow, graceMs);
    });
  }

  #markerOf(tenantId: string, username: string, comment: string | null) {
    return readMarker(username, comment, (input) => this.#options.keyring.fingerprint(tenantId, input));
  }

  /** Leases that have ended, of roles that are there all the same. */
  async #endedOf(tenantId: string, database: string, open: readonly LoggedLease[], roles: readonly RoleSeen[]) {
    const known = new Set(open.map(({ leaseId }) => leaseId));
    const ids = roles.flatMap(({ marker }) => (marker && !known.has(marker.leaseId) ? [marker.leaseId] : []));
    const rows = await leasesOf(this.#options.platform.database.system, tenantId, ids);
    return rows.filter((row) => row.database === database).map(loggedLease);
  }

  /** @returns how many verdicts were left for the next turn */
  async #carryOut(
    client: pg.Client,
    tenantId: string,
    judged: readonly Judged[],
    leases: ReadonlyMap<string, Lease>,
    signal: AbortSignal,
  ): Promise<number> {
    const waiting = await this.#options.attempts.waiting(tenantId, 'lease');
    const todo = judged.filter(({ leaseId }) => !waiting.has(leaseId));
    const stopAt = Date.now() + turnMs;
    for (const [i, verdict] of todo.entries()) {
      if (signal.aborted || Date.now() > stopAt || i >= turnDrops) return todo.length - i;
      const lease = leases.get(verdict.leaseId) ?? { status: 'none' };
      try {
        await this.#carryOutOne(client, tenantId, verdict, lease);
      } catch (error) {
        if (error instanceof RevisionConflict) continue;
        const failure = error instanceof TargetError ? error : undefined;
        if (!failure || isAboutServer(failure)) throw error;
        await this.#noteFailure(tenantId, verdict, lease, failure);
      }
    }
    return 0;
  }

  async #carryOutOne(client: pg.Client, tenantId: string, verdict: Judged, lease: Lease): Promise<void> {
    if (verdict.act === 'start_revocation') {
      await this.#append(tenantId, verdict, lease);
      const drop: Judged = { ...verdict, act: 'drop', revision: verdict.revision + 1 };
      const { terms } = verdict;
      const revoking: Lease = {
        status: 'revoking',
        terms,
        validUntil: 0,
        since: Date.now(),
        reason: verdict.reason,
        alarmed: false,
      };
      try {
        return await this.#carryOutOne(client, tenantId, drop, revoking);
      } catch (error) {
        // Counted where it is tried again, at the revision that it has by now.
        if (error instanceof TargetError && !isAboutServer(error)) return;
        throw error;
      }
    }
    if (verdict.act === 'drop') {
      await this.#options.dropper.drop(client, tenantId, verdict.terms);
      ended.add();
    }
    if (verdict.act === 'repeat_renewal') {
      const { terms, from, validUntil: until } = verdict;
      const statements: string[] = [];
      const term = await renewRole(client, { username: terms.username, from, until, statements });
      if (term !== until) return;
    }
    if (verdict.act === 'impose_term')
      await renewRole(client, { username: verdict.username, from: null, until: verdict.validUntil, statements: [] });
    await this.#append(tenantId, verdict, lease);
    if (verdict.act === 'drop') await this.#options.attempts.forget(tenantId, 'lease', verdict.leaseId);
  }

  /** At the revision that was judged: who changed the lease meanwhile is right. */
  async #append(tenantId: string, verdict: Judged, lease: Lease, events = decideOn(verdict.leaseId, verdict)(lease)) {
    if (events.length === 0) return;
    await this.#options.store.append(leaseStream(verdict.leaseId), events, {
      expectedRevision: verdict.revision,
      context: ownContext(tenantId),
    });
  }

  async #noteFailure(tenantId: string, verdict: Judged, lease: Lease, { code }: TargetError): Promise<void> {
    const { alarmAfter, attempts, platform } = this.#options;
    const { leaseId } = verdict;
    const times = await attempts.failed(tenantId, 'lease', leaseId);
    const told = { leaseId, tenantId, error: code, failures: times };
    failures.add();
    platform.logger.warn(told, 'a lease could not be ended, and will be');
    if (times < alarmAfter) return;
    const events = reportFailing(leaseId, times, code)(lease);
    if (events.length === 0) return;
    alarms.add();
    platform.logger.error(told, 'a lease cannot be ended');
    await this.#append(tenantId, verdict, lease, events);
  }
}

/** When the first of these leases wants something, by the target's clock. */
function untilNext(leases: readonly LoggedLease[], targetNow: number, graceMs: number): number {
  const waits = leases.flatMap(({ lease }) => {
    if (lease.status === 'none' || !isOpen(lease)) return [];
    return [lease.status === 'active' ? lease.validUntil - targetNow : graceMs];
  });
  return Math.max(1_000, Math.min(...waits));
}
