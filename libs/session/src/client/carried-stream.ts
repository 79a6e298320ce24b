import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { KeyPair } from '@gatehouse/noise';
import { Backoff, type ByteStream, type StreamEnd, StreamReset } from '@gatehouse/transport';
import { RelayRefused } from '../dial-relay.js';
import { ResumableStream } from '../resumable-stream.js';
import type { Granting } from './granting.js';
import { type Carried, openCarried } from './open-carried.js';
import type { RelayLines } from './relay-lines.js';

export interface CarriedStreamOptions {
  readonly lines: RelayLines;
  readonly granting: Granting;
  readonly clientKey: KeyPair;
  readonly onOver: () => void;
  /** For the first time; after it, the stream's own grace counts. 20 s unless given. */
  readonly openTimeoutMs?: number;
  /** 60 s unless given. */
  readonly graceMs?: number;
  /** For one answer of a relay or device. */
  readonly timeoutMs?: number;
  /** 15 s unless given. */
  readonly silenceMs?: number;
}

/** A word that ends the stream, whoever says it: a relay could break it off anyhow. */
const finalCodes: ReadonlySet<string> = new Set(['revoked', 'removed', 'wrong_device', 'gone', 'stopping']);
/** A newer grant may help. */
const staleCodes: ReadonlySet<string> = new Set(['bad_grant', 'expired']);

/** One application stream to a device, and the search for a carrier whenever it has none. */
export class CarriedStream {
  readonly bytes: ResumableStream;
  /** Settled when a carrier was found for the first time, or none was. */
  readonly opened: Promise<void>;
  readonly #id = randomUUID();
  #run: string | undefined;
  #relay: string | undefined;
  #isSearching = false;
  /** Ends waits. */
  readonly #over = new AbortController();

  constructor(private readonly options: CarriedStreamOptions) {
    const { graceMs, silenceMs = 15_000 } = options;
    this.bytes = new ResumableStream({ lost: 'device_lost', silenceMs, ...(graceMs !== undefined && { graceMs }) });
    this.bytes.onDetached = (end) => this.#lost(end);
    this.bytes.onOver = () => {
      this.#over.abort();
      options.onOver();
    };
    this.opened = this.#search();
  }

  /** Another carrier, while the one that there is goes on until then. */
  move(): void {
    if (!this.bytes.isOver) void this.#search().catch(() => undefined);
  }

  /** If it goes over this relay. */
  leave(relay: string): void {
    if (this.#relay === relay) this.move();
  }

  #lost(end: StreamEnd) {
    if (finalCodes.has(end.code)) return this.bytes.cut(end);
    if (this.#relay !== undefined) this.options.lines.shun(this.#relay);
    this.move();
  }

  /** Until it is attached or over. @throws StreamReset when it was never attached, and is over now */
  async #search(): Promise<void> {
    if (this.#isSearching) return;
    this.#isSearching = true;
    const since = performance.now();
    const backoff = new Backoff({ firstMs: 200, mostMs: 5_000 });
    try {
      while (!this.bytes.isOver) {
        const attempt = await this.#try();
        if (attempt.result === 'attached') return;
        const end = await this.#judge(attempt, performance.now() - since);
        if (end) throw new StreamReset(end);
        if (!this.bytes.isOver) await this.#wait(Math.max(backoff.next(), retryAfter(attempt)));
      }
    } catch (error) {
      if (!(error instanceof StreamReset)) throw error;
      this.bytes.cut(error.end);
      if (this.#run === undefined) throw error;
    } finally {
      this.#isSearching = false;
      // Lost again between being attached and here.
      if (this.#run !== undefined && !this.bytes.isAttached && !this.bytes.isOver) this.move();
    }
    if (this.#run === undefined) throw new StreamReset({ code: 'cancelled' });
  }

  async #wait(ms: number): Promise<void> {
    try {
      await wait(ms, undefined, { signal: this.#over.signal });
    } catch {
      // It is over: whoever waits looks.
    }
  }

  async #try(): Promise<Carried> {
    const { lines, granting, clientKey } = this.options;
    let relay: string | undefined;
    try {
      const { address, carrier } = await lines.get(granting.current.relays);
      relay = address;
      if (this.bytes.isOver) return { result: 'failed', end: { code: 'cancelled' } };
      const told = this.bytes.received;
      const run = this.#run;
      return await openCarried({
        carrier,
        static: clientKey,
        timeoutMs: this.options.timeoutMs,
        remoteStatic: Buffer.from(granting.current.device.sessionKey, 'base64url'),
        offer: {
          v: 1,
          grant: granting.current.grant,
          stream: this.#id,
          received: told,
          ...(run !== undefined && { run }),
        },
        attach: (stream: ByteStream, answer) => {
          this.#relay = address;
          this.#run = answer.run;
          this.bytes.attach(stream, { peerReceived: answer.received, told });
        },
      });
    } catch (error) {
      if (error instanceof RelayRefused) {
        return { result: 'relay_refused', code: error.code, retryAfterMs: error.retryAfterMs };
      }
      if (!(error instanceof StreamReset)) throw error;
      return { result: 'failed', end: error.end };
    } finally {
      if (relay !== undefined && this.#relay !== relay) lines.shun(relay);
    }
  }

  /** Why it is no use to try again; undefined: it may be. */
  async #judge(attempt: Exclude<Carried, { result: 'attached' }>, afterMs: number): Promise<StreamEnd | undefined> {
    const end: StreamEnd = attempt.result === 'failed' ? attempt.end : { code: attempt.code };
    if (attempt.result === 'over') return end;
    if (finalCodes.has(end.code)) return end;
    if (staleCodes.has(end.code)) await this.options.granting.renew();
    const isFirst = this.#run === undefined;
    if (isFirst && end.code === 'device_offline') return end;
    return isFirst && afterMs > (this.options.openTimeoutMs ?? 20_000) ? end : undefined;
  }
}

const retryAfter = (attempt: Carried): number =>
  attempt.result === 'relay_refused' ? Math.min(attempt.retryAfterMs, 30_000) : 0;
