import type { Limits } from '../limits.js';
import { frameType } from './frames.js';
import type { Outbox } from './outbox.js';

interface HeartbeatOptions {
  readonly outbox: Outbox;
  readonly limits: Limits;
  /** False from the end of the connection on: nothing is sent any more. */
  readonly isAlive: () => boolean;
  /** At every look: twice in `keepAliveMs`, or more often. */
  readonly onBeat: () => void;
  /** Nothing was heard of the peer for as long as it may be silent. */
  readonly onSilence: () => void;
}

/** Asks a silent peer whether it is there, answers when it asks, and knows how long an answer takes. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #timer: NodeJS.Timeout;
  #heardAt = performance.now();
  #asked = false;
  #pong: Buffer | undefined;
  #rttMs: number | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    const { keepAliveMs, idleMs } = options.limits;
    this.#timer = setInterval(() => this.#watch(), Math.min(keepAliveMs, idleMs / 4) / 2);
    this.#timer.unref();
  }

  /** Milliseconds from a question to its answer, smoothed; undefined before the first. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** The peer sent something. */
  heard(): void {
    this.#heardAt = performance.now();
    this.#asked = false;
  }

  /** To the peer's question; `payload` is its own. */
  answer(payload: Buffer): void {
    const first = this.#pong === undefined;
    this.#pong = Buffer.from(payload);
    // One at the end of the turn, however many were asked for.
    if (first)
      process.nextTick(() => {
        const { outbox, isAlive } = this.#options;
        if (this.#pong && isAlive()) outbox.frame(0, frameType.pong, this.#pong);
        this.#pong = undefined;
      });
  }

  /** The peer's answer to ours. */
  measure(payload: Buffer): void {
    const took = performance.now() - payload.readDoubleBE(0);
    if (took >= 0 && took < 60_000) this.#rttMs = this.#rttMs === undefined ? took : this.#rttMs * 0.875 + took * 0.125;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #watch(): void {
    const { limits, outbox, isAlive, onBeat, onSilence } = this.#options;
    onBeat();
    const silence = performance.now() - this.#heardAt;
    if (silence >= limits.idleMs) {
      onSilence();
      return;
    }
    if (silence < limits.keepAliveMs / 2 || this.#asked || !isAlive()) return;
    this.#asked = true;
    const payload = Buffer.alloc(8);
    payload.writeDoubleBE(performance.now(), 0);
    outbox.frame(0, frameType.ping, payload);
  }
}
