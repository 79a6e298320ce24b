import type { ErasureRefused } from '@gatehouse/contracts';
import type { CommandContext, PostgresEventStore } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import { appendToStream, certify, eraseUser, unlockUser } from './end-of-person.service.js';
import { addCounts, type Erasure, erasureStream, maxAttempts, retryAfterMs } from './erasure.js';
import type { ErasureRows } from './erasure-rows.service.js';
import type { Step } from './steps.service.js';

export interface ErasureWorkerOptions {
  readonly store: PostgresEventStore;
  readonly rows: ErasureRows;
  readonly steps: () => readonly Step[];
  readonly onError: (error: Error) => void;
}

/** Erases people who are due, one at a time. Killed anywhere, the next replica does every step again, to the end. */
export class ErasureWorker {
  readonly #options: ErasureWorkerOptions;

  constructor(options: ErasureWorkerOptions) {
    this.#options = options;
  }

  /** One erasure, if one is due. */
  readonly doNext = async (signal: AbortSignal): Promise<boolean> => {
    const { rows, onError } = this.#options;
    const job = await rows.take(new Date());
    if (!job) return false;
    if (job.attempt > maxAttempts) await this.#refuse(job, 'too_many_attempts');
    else
      await this.#erase(job, signal).catch(async (error: Error) => {
        if (error instanceof Refusal && error.code === ('last_owner' as string)) return this.#refuse(job, 'last_owner');
        onError(error);
        await rows.postpone(job, 'waiting', new Date(Date.now() + retryAfterMs(job.attempt)));
      });
    return true;
  };

  async #erase(job: Erasure, signal: AbortSignal): Promise<void> {
    const { store, rows, steps } = this.#options;
    const all = steps();
    const total = all.length + 1;
    let { destroyed } = job;
    for (const [done, step] of all.entries()) {
      if (signal.aborted) return;
      await rows.report(job, { done, total, phase: step.name }, destroyed);
      destroyed = addCounts(destroyed, await step.run(job, contextOf(job)));
    }
    await rows.report(job, { done: all.length, total, phase: 'certificate' }, destroyed);
    const erased = { ...job, destroyed };
    const eventId = await eraseUser({ store }, erased, contextOf(job));
    await certify({ store }, erased, eventId, contextOf(job));
    await rows.finish(job, eventId, new Date());
  }

  /** People must settle it first. Whoever was locked out for the erasure may come back. */
  async #refuse(job: Erasure, reason: ErasureRefused['reason']): Promise<void> {
    const { store, rows } = this.#options;
    const { erasureId, userId, homeTenantId: tenantId } = job;
    await unlockUser({ store }, job, contextOf(job));
    const data: ErasureRefused = { erasureId, userId, reason };
    await store.together(tenantId, async (log, client) => {
      const end = { from: 'running', to: 'refused', problem: reason, now: new Date() } as const;
      if (!(await rows.end(client, job, end))) return;
      const context = { ...contextOf(job), tenantId };
      await appendToStream(log, erasureStream(erasureId), { type: 'erasure.refused', data }, context);
    });
  }
}

/** What a job does, it does for whoever asked for it. Each step says in which tenant. */
const contextOf = ({ homeTenantId, askedBy, correlationId, decisionId }: Erasure): CommandContext => ({
  tenantId: homeTenantId,
  actor: { type: askedBy.type, id: askedBy.id },
  now: Date.now(),
  correlationId,
  ...(decisionId !== undefined && { causationId: decisionId }),
});
