import { type PostgresEventStore, pause } from '@gatehouse/event-store';
import { SharedBound } from '@gatehouse/fair-share';
import type { Platform } from '@gatehouse/service';
import { gauge } from '@gatehouse/telemetry';
import type { Databases } from '../database/databases.service.js';
import type { StaticRoles } from '../database/static-roles.service.js';
import { TargetError, toTargetError } from '../database/target-error.js';
import type { Keyring } from '../key/keyring.js';
import { Attempts } from './attempts.js';
import { backoffMs } from './backoff.js';
import { openSql } from './lease-list/lease-rows.js';
import { alarms, failures } from './lease-metrics.js';
import { PasswordRotations } from './password-rotations.service.js';
import { Reconciler } from './reconciler.service.js';
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
/** Targets looked after at once; a tenant whose targets hang keeps none of another waiting. */
const maxTargets = 8;
/**
 * Looks after all leases, one replica at a time: compares log and targets, finishes what broke off, ends what has expired,
 * and goes on for ever.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #reconciler: Reconciler;
  readonly #rotations: PasswordRotations;
  readonly #targets = new Map<string, Target>();
  readonly #removeGauge: () => void;
  #exclusive: ReturnType<Platform['exclusively']> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    const attempts = new Attempts(options.platform.database.system);
    this.#reconciler = new Reconciler({ ...options, attempts });
    this.#rotations = new PasswordRotations({ ...options, attempts });
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
    const places = new SharedBound(maxTargets);
    try {
      while (!signal.aborted) {
        if (!this.#options.keyring.sealed) {
          await this.#refresh();
          for (const target of this.#due()) {
            const place = { group: target.tenantId, count: 1 };
            if (!places.enter(place)) continue;
            const turn = this.#turn(target, signal).finally(() => {
              running.delete(turn);
              places.leave(place);
            });
            running.add(turn);
          }
          await this.#rotations.startDue(signal);
        }
        await pause(pollMs, signal);
      }
    } finally {
      // Also where our own database failed: the next turn begins when this one has ended.
      await Promise.all([...running, this.#rotations.settled()]);
    }
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
      const waitMs = await this.#reconciler.reconcile(tenantId, database, signal);
      target.nextAt = Date.now() + Math.min(scanMs, waitMs);
      if (target.failures >= alarmAfter || target.failures === 0) await databases.report(tenantId, database, undefined);
      target.failures = 0;
    } catch (error) {
      target.failures += 1;
      target.nextAt = Date.now() + backoffMs(target.failures);
      const { code } = toTargetError(error);
      platform.logger.warn({ database, tenantId, error: code, failures: target.failures }, 'leases of a database wait');
      failures.add();
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
}
