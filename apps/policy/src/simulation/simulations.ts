import { randomUUID } from 'node:crypto';
import { setImmediate as immediate } from 'node:timers/promises';
import { pause } from '@gatehouse/event-store';

export const simulationLimits = {
  perTenant: 1,
  perProcess: 2,
  kept: 64,
  keptPerTenant: 8,
  keptMs: 3_600_000,
  /** Work in one go. */
  turnMs: 3,
  /** What others take between two turns, if there are any. */
  othersMs: 0.2,
  /** The rest after a turn while there are, and for how long after the last of them. */
  restMs: 6,
  politeMs: 100,
} as const;

export interface Progress {
  /** Decisions replayed. */
  readonly done: number;
  /** An estimate from how much of the log is behind, until it is done. */
  readonly total: number;
}

export interface SimulationView {
  readonly simulationId: string;
  readonly kind: string;
  readonly status: 'running' | 'done' | 'failed' | 'cancelled';
  readonly startedAt: string;
  readonly progress: Progress;
  readonly decisionsPerSecond: number;
  readonly result?: unknown;
}

/** What the work of a simulation tells of itself, and asks now and then. */
export interface Running {
  readonly signal: AbortSignal;
  progress: Progress;
  /** Lets whatever else waits have its turn, when this one has lasted long enough. Throws when the simulation was cancelled. */
  readonly pause: () => Promise<void> | undefined;
}

interface Job {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: string;
  readonly startedAt: number;
  readonly abort: AbortController;
  readonly running: Running;
  status: SimulationView['status'];
  endedAt: number;
  result: unknown;
  finished: Promise<void>;
}

/** Too many of them run, of this tenant or of all. */
export class SimulationsBusy extends Error {
  override readonly name = 'SimulationsBusy';
}

/**
 * Replays in the background of the process that serves decisions: few at once, each giving way every few milliseconds. They live
 * in memory only: what they found is made again by starting them again.
 */
export class Simulations {
  readonly #jobs = new Map<string, Job>();
  readonly #onError: (error: Error) => void;

  constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  start(tenantId: string, kind: string, work: (running: Running) => Promise<unknown>): string {
    this.#forgetOld();
    const active = [...this.#jobs.values()].filter(({ status }) => status === 'running');
    const own = active.filter((job) => job.tenantId === tenantId).length;
    if (own >= simulationLimits.perTenant || active.length >= simulationLimits.perProcess) throw new SimulationsBusy();
    const abort = new AbortController();
    const running: Running = { signal: abort.signal, progress: { done: 0, total: 0 }, pause: turns(abort.signal) };
    const now = Date.now();
    const job: Job = {
      id: randomUUID(),
      tenantId,
      kind,
      startedAt: now,
      abort,
      running,
      status: 'running',
      endedAt: 0,
      result: undefined,
      finished: Promise.resolve(),
    };
    this.#jobs.set(job.id, job);
    job.finished = this.#run(job, work);
    return job.id;
  }

  get(tenantId: string, id: string): SimulationView | undefined {
    const job = this.#of(tenantId, id);
    if (!job) return undefined;
    const { done } = job.running.progress;
    const seconds = Math.max(1, (job.endedAt || Date.now()) - job.startedAt) / 1_000;
    return {
      simulationId: job.id,
      kind: job.kind,
      status: job.status,
      startedAt: new Date(job.startedAt).toISOString(),
      progress: job.running.progress,
      decisionsPerSecond: Math.round(done / seconds),
      ...(job.result !== undefined && { result: job.result }),
    };
  }

  /** Resolves when it has stopped; false if there is none. */
  async cancel(tenantId: string, id: string): Promise<boolean> {
    const job = this.#of(tenantId, id);
    if (!job) return false;
    job.abort.abort();
    await job.finished;
    return true;
  }

  async stop(): Promise<void> {
    const jobs = [...this.#jobs.values()];
    for (const { abort } of jobs) abort.abort();
    await Promise.all(jobs.map(({ finished }) => finished));
  }

  async #run(job: Job, work: (running: Running) => Promise<unknown>): Promise<void> {
    try {
      const result = await work(job.running);
      job.running.signal.throwIfAborted();
      job.result = result;
      job.status = 'done';
    } catch (error) {
      job.status = job.running.signal.aborted ? 'cancelled' : 'failed';
      if (job.status === 'failed') this.#onError(error as Error);
    }
    job.endedAt = Date.now();
  }

  /** Another tenant's does not exist. */
  #of(tenantId: string, id: string): Job | undefined {
    this.#forgetOld();
    const job = this.#jobs.get(id);
    return job?.tenantId === tenantId ? job : undefined;
  }

  #forgetOld(): void {
    const ended = [...this.#jobs.values()].filter(({ status }) => status !== 'running').reverse();
    const keptOf = new Map<string, number>();
    for (const [at, { id, tenantId, endedAt }] of ended.entries()) {
      const ofTenant = (keptOf.get(tenantId) ?? 0) + 1;
      keptOf.set(tenantId, ofTenant);
      const isOld = Date.now() - endedAt > simulationLimits.keptMs;
      if (isOld || at >= simulationLimits.kept || ofTenant > simulationLimits.keptPerTenant) this.#jobs.delete(id);
    }
  }
}

/**
 * Undefined while the turn may go on, so that the caller does not even wait for a microtask. A process with nothing else to
 * do gives all its time. Once others have worked between two turns, each turn is followed by a rest that is longer than it:
 * a decision takes several steps through the event loop and must not meet a turn at each of them.
 */
function turns(signal: AbortSignal): Running['pause'] {
  let startedAt = performance.now();
  let othersUntil = 0;
  const nextTurn = async (): Promise<void> => {
    const pausedAt = performance.now();
    await immediate();
    const now = performance.now();
    if (now - pausedAt > simulationLimits.othersMs) othersUntil = now + simulationLimits.politeMs;
    if (now < othersUntil) await pause(simulationLimits.restMs, signal);
    startedAt = performance.now();
  };
  return () => {
    signal.throwIfAborted();
    return performance.now() - startedAt < simulationLimits.turnMs ? undefined : nextTurn();
  };
}
