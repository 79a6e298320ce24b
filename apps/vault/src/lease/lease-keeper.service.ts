import { type PostgresEventStore, pause, RevisionConflict } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';
import { counter, gauge } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { Databases } from '../database/databases.service.js';
import { ownContext } from '../database/permission.js';
import type { StaticRoles } from '../database/static-roles.service.js';
import { isAboutServer, TargetError, toTargetError } from '../database/target-error.js';
import { renewRole, rolesOf } from '../database/target-roles.js';
import type { Keyring } from '../key/keyring.js';
import { Attempts } from './attempts.js';
import { backoffMs } from './backoff.js';
import { isOpen, type Lease, leaseStream } from './lease.js';
import { decideOn, reportFailing } from './lease-commands.js';
import { leasesOf, loggedLease, openLeases, openSql } from './lease-list/lease-rows.js';
import { usernamePrefix } from './lease-name.js';
import { readMarker } from './marker.js';
import { type Judged, type LoggedLease, type RoleSeen, reconcile } from './reconcile.js';
import type { RoleDropper } from './role-dropper.js';

export interface LeaseKeeperOptions {
  readonly platform: Platform;
  readonly store: PostgresEventStore;
  readonly keyring: Keyring;
  readonly databases: Databases;
  readonly staticRoles: StaticRoles;
  readonly dropper: RoleDropper;
  /** Longest time between two looks at a target. */
  readonly scanMs: number;
  readonly graceMs: number;
  /** After how many failures somebody is told. */
  readonly alarmAfter: number;
}

interface Target {
  readonly tenantId: string;
  readonly database: string;
  nextAt: number;
  failures: number;
  busy: boolean;
}

const pollMs = 500;
/** Targets looked after at once. */
const maxTargets = 8;
/** Work of one turn in a target: the next one may be waiting. */
const turnMs = 5_000;
const turnDrops = 200;

const failed = counter('gatehouse_lease_failures', 'Attempts to end a lease or change a password that failed');
const alarms = counter('gatehouse_lease_alarms', 'Leases, passwords and databases that somebody was told of');
const ended = counter('gatehouse_leases_ended', 'Leases ended by the keeper');

/**
 * Looks after all leases, one replica at a time: compares log and targets, finishes what broke off, ends what has expired,
 * and goes on for ever. It ends nothing that it has not just seen in the target.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #attempts: Attempts;
  readonly #targets = new Map<string, Target>();
  readonly #removeGauge: () => void;
  #exclusive: ReturnType<Platform['exclusively']> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#attempts = new Attempts(options.platform.database.system);
    this.#removeGauge = gauge(
      'gatehouse_lease_targets_unreachable',
      'Databases whose leases cannot be kept at present',
      () => [...this.#targets.values()].filter(({ failures }) => failures > 0).length,
    );
  }

  start(): void {
    this.#exclusive = this.#options.platform.exclusively('leases', ({ signal }) => this.#keep(signal));
  }

  async stop(): Promise<void> {
    await this.#exclusive?.stop();
    this.#removeGauge();
  }

  async #keep(signal: AbortSignal): Promise<void> {
    // Whoever has the turn anew looks at every target before anything else.
    this.#targets.clear();
    const running = new Set<Promise<void>>();
    let rotating: Promise<void> | undefined;
    while (!signal.aborted) {
      if (!this.#options.keyring.sealed) {
        await this.#refresh();
        for (const target of this.#due().slice(0, maxTargets - running.size)) {
          const turn = this.#turn(target, signal).finally(() => running.delete(turn));
          running.add(turn);
        }
        // Not waited for: a target that is slow keeps leases of others waiting for nothing.
        rotating ??= this.#rotateDue(signal)
          .catch(this.#options.platform.warn('passwords could not be changed'))
          .finally(() => {
            rotating = undefined;
          });
      }
      await pause(pollMs, signal);
    }
    await Promise.all([...running, rotating]);
  }

  /** Which targets there are, and which of them somebody's lease waits for. */
  async #refresh(): Promise<void> {
    const { platform, graceMs } = this.#options;
    const { rows } = await platform.database.system.query<{ tenant_id: string; name: string; due: boolean }>(
      `select e.tenant_id, e.name, exists (
         select from leases l left join keeper_attempts a
           on a.tenant_id = l.tenant_id and a.kind = 'lease' and a.id = l.lease_id
         where l.tenant_id = e.tenant_id and l.database = e.name and ${openSql}
           and (status = 'revoking' or status = 'active' and valid_until <= now()
             or status in ('requested', 'renewing') and since <= now() - $1 * interval '1 millisecond')
           and coalesce(a.next_at, now()) <= now()) as due
       from database_entries e where e.kind = 'database'`,
      [graceMs],
    );
    const there = new Set<string>();
    for (const { tenant_id: tenantId, name: database, due } of rows) {
      const key = `${tenantId}/${database}`;
      there.add(key);
      const target = this.#targets.get(key) ?? { tenantId, database, nextAt: 0, failures: 0, busy: false };
      this.#targets.set(key, target);
      // A target that is away is not asked more often for it.
      if (due && target.failures === 0) target.nextAt = Math.min(target.nextAt, Date.now() + 1_000);
    }
    for (const key of this.#targets.keys()) if (!there.has(key)) this.#targets.delete(key);
  }

  /** Whoever waits longest first. */
  #due(): Target[] {
    const now = Date.now();
    return [...this.#targets.values()]
      .filter(({ busy, nextAt }) => !busy && nextAt <= now)
      .sort((a, b) => a.nextAt - b.nextAt);
  }

  async #turn(target: Target, signal: AbortSignal): Promise<void> {
    const { databases, scanMs, alarmAfter, platform } = this.#options;
    const { tenantId, database } = target;
    target.busy = true;
    try {
      const waitMs = await this.#reconcile(target, signal);
      target.nextAt = Date.now() + Math.min(scanMs, waitMs);
      if (target.failures >= alarmAfter || target.failures === 0) await databases.report(tenantId, database, undefined);
      target.failures = 0;
    } catch (error) {
      target.failures += 1;
      target.nextAt = Date.now() + backoffMs(target.failures);
      const { code } = toTargetError(error);
      platform.logger.warn({ database, tenantId, error: code, failures: target.failures }, 'leases of a database wait');
      failed.add();
      if (error instanceof TargetError && target.failures === alarmAfter) {
        alarms.add();
        platform.logger.error({ database, tenantId, error: code }, 'leases of a database cannot be kept');
        await databases
          .report(tenantId, database, { error: code, failures: target.failures })
          .catch(platform.warn('an alarm could not be recorded'));
      }
    } finally {
      target.busy = false;
    }
  }

  /** @returns after how many milliseconds there is something to do again */
  async #reconcile({ tenantId, database }: Target, signal: AbortSignal): Promise<number> {
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
    const waiting = await this.#attempts.waiting(tenantId, 'lease');
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
    if (verdict.act === 'drop') await this.#attempts.forget(tenantId, 'lease', verdict.leaseId);
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
    const { alarmAfter, platform } = this.#options;
    const { leaseId } = verdict;
    const failures = await this.#attempts.failed(tenantId, 'lease', leaseId);
    failed.add();
    platform.logger.warn({ leaseId, tenantId, error: code, failures }, 'a lease could not be ended, and will be');
    if (failures < alarmAfter) return;
    const events = reportFailing(leaseId, failures, code)(lease);
    if (events.length === 0) return;
    alarms.add();
    platform.logger.error({ leaseId, tenantId, error: code, failures }, 'a lease cannot be ended');
    await this.#append(tenantId, verdict, lease, events);
  }

  async #rotateDue(signal: AbortSignal): Promise<void> {
    const { platform, staticRoles, alarmAfter } = this.#options;
    for (const { tenantId, name } of await this.#attempts.rotationsDue(20)) {
      if (signal.aborted) return;
      try {
        await staticRoles.rotate(tenantId, name);
        await this.#attempts.forget(tenantId, 'static-role', name);
      } catch (error) {
        const failures = await this.#attempts.failed(tenantId, 'static-role', name);
        const { code } = toTargetError(error);
        failed.add();
        platform.logger.warn({ name, tenantId, error: code, failures }, 'a password could not be changed, and will be');
        if (failures !== alarmAfter) continue;
        alarms.add();
        platform.logger.error({ name, tenantId, error: code, failures }, 'a password cannot be changed');
        await staticRoles.reportFailing(tenantId, name, failures, code);
      }
    }
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
