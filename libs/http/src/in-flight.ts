import type { FastifyReply } from 'fastify';
import type { HttpRequest } from './request.js';

interface Flight {
  readonly request: HttpRequest;
  readonly reply: FastifyReply;
  readonly deadlineMs: number;
}

/** How often deadlines are looked at: a time limit is exact to this. */
const SWEEP_INTERVAL_MS = 100;

/**
 * The requests being worked on: their number is bounded, each has a deadline, and a stopping service waits for them.
 * One sweep over the set replaces a timer and an abort controller per request.
 */
export class InFlight {
  private readonly flights = new Map<HttpRequest, Flight>();
  private readonly waiting = new Set<() => void>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    readonly max: number,
    private readonly onTimeout: (request: HttpRequest, reply: FastifyReply) => void,
  ) {
    this.timer = setInterval(() => this.sweep(), SWEEP_INTERVAL_MS);
    this.timer.unref();
  }

  get count(): number {
    return this.flights.size;
  }

  isFull(): boolean {
    return this.flights.size >= this.max;
  }

  /** @param timeoutMs time the handler has; 0 for a stream, which ends when its connection does */
  add(request: HttpRequest, reply: FastifyReply, timeoutMs: number): void {
    const deadlineMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : request.arrivedAtMs + timeoutMs;
    this.flights.set(request, { request, reply, deadlineMs });
  }

  delete(request: HttpRequest): void {
    if (this.flights.delete(request) && this.flights.size === 0) this.wake();
  }

  /** Resolves to true once nothing is in flight, to false when that takes longer. */
  async drained(timeoutMs: number): Promise<boolean> {
    if (this.flights.size === 0) return true;
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => finish(false), timeoutMs);
      const finish = (drained: boolean) => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve(drained);
      };
      const wake = () => finish(true);
      this.waiting.add(wake);
    });
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private sweep(): void {
    const nowMs = performance.now();
    for (const { request, reply, deadlineMs } of this.flights.values()) {
      // A response pipelined behind another never closes when its connection dies, so the socket is asked too.
      const isGone = reply.raw.destroyed || request.raw.socket.destroyed;
      if (!isGone && nowMs < deadlineMs) continue;
      this.delete(request);
      if (!isGone) this.onTimeout(request, reply);
    }
  }

  private wake(): void {
    for (const wake of this.waiting) wake();
  }
}
