import { SharedBound } from '@gatehouse/fair-share';
import type { Platform } from '@gatehouse/service';
import type { StaticRoles } from '../database/static-roles.service.js';
import { isAboutServer, toTargetError } from '../database/target-error.js';
import type { Attempts, TargetName } from './attempts.js';
import { alarms, failures } from './lease-metrics.js';

export interface PasswordRotationsOptions {
  readonly platform: Platform;
  readonly staticRoles: StaticRoles;
  readonly attempts: Attempts;
  /** After how many failures somebody is told. */
  readonly alarmAfter: number;
}

/** Targets worked in at once; a tenant whose targets hang keeps none of another waiting. */
const maxTargets = 8;

/** Changes the passwords of static roles in time: in each target one after the other, so that a slow one delays no other. */
export class PasswordRotations {
  readonly #options: PasswordRotationsOptions;
  readonly #running = new Map<string, Promise<void>>();
  readonly #places = new SharedBound(maxTargets);

  constructor(options: PasswordRotationsOptions) {
    this.#options = options;
  }

  /** Begins where something is due and nothing is under way. */
  async startDue(signal: AbortSignal): Promise<void> {
    const { attempts, platform } = this.#options;
    // Of so many, some are not under way.
    for (const target of await attempts.targetsWithRotations(maxTargets * 3)) {
      const key = `${target.tenantId}/${target.database}`;
      const place = { group: target.tenantId, count: 1 };
      if (this.#running.has(key) || !this.#places.enter(place)) continue;
      const work = this.#rotateIn(target, signal)
        .catch(platform.warn('passwords could not be changed'))
        .finally(() => {
          this.#running.delete(key);
          this.#places.leave(place);
        });
      this.#running.set(key, work);
    }
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  async #rotateIn(target: TargetName, signal: AbortSignal): Promise<void> {
    for (const name of await this.#options.attempts.rotationsDue(target, 20))
      if (signal.aborted || !(await this.#rotate(target.tenantId, name))) return;
  }

  /** @returns whether another one has a chance there */
  async #rotate(tenantId: string, name: string): Promise<boolean> {
    const { platform, staticRoles, attempts, alarmAfter } = this.#options;
    try {
      await staticRoles.rotate(tenantId, name, Date.now());
      await attempts.forget(tenantId, 'static-role', name);
      return true;
    } catch (error) {
      const times = await attempts.failed(tenantId, 'static-role', name);
      const failure = toTargetError(error);
      const told = { name, tenantId, error: failure.code, failures: times };
      failures.add();
      platform.logger.warn(told, 'a password could not be changed, and will be');
      if (times === alarmAfter) {
        alarms.add();
        platform.logger.error(told, 'a password cannot be changed');
        await staticRoles.reportFailing(tenantId, name, times, failure.code);
      }
      return !isAboutServer(failure);
    }
  }
}
