import type { FastifyReply } from 'fastify';
import type { HttpRequest } from './request.js';

/** A request being worked on, and its place in the list of them. */
export interface Flight {
  readonly request: HttpRequest;
  readonly reply: FastifyReply;
  readonly deadlineMs: number;
  place: number;
}

/** How often deadlines are looked at: a time limit is exact to this. */
const SWEEP_INTERVAL_MS = 100;

/**
 * The requests being worked on: their number is bounded, each has a deadline, and a stopping service waits for them.
 * One sweep over them replaces a timer and an abort controller per request.
 *
 * A list, not a Map or Set: those leave each table that they outgrow pointing to the next one, so that tables which are
 * garbage keep one another, and half the requests in them, until the next full collection.
 */
export class InFlight {
  private readonly flights: Flight[] = [];
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
    return this.flights.length;
  }

  isFull(): boolean {
    return this.flights.length >= this.max;
  }

  /** @param timeoutMs time the handler has; 0 for a stream, which ends when its connection does */
  add(request: HttpRequest, reply: FastifyReply, timeoutMs: number): void {
    const deadlineMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : request.arrivedAtMs + timeoutMs;
    request.flight = { request, reply, deadlineMs, place: this.flights.length };
    this.flights.push(request.flight);
  }

  /** Nothing, for a request that is not there (any more). */
  delete(request: HttpRequest): void {
    const { flight } = request;
    if (!flight) return;
    request.flight = null;
    const last = this.flights.pop();
    if (last && last !== flight) {
      this.flights[flight.place] = last;
      last.place = flight.place;
    }
    if (this.flights.length === 0) this.wake();
  }

  /** Resolves to true once nothing is in flight, to false when that takes longer. */
  async drained(timeoutMs: number): Promise<boolean> {
    if (this.flights.length === 0) return true;
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
    // A copy: those that are over are taken out on the way.
    for (const { request, reply, deadlineMs } of [...this.flights]) {
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
