import { parseTraceparent, runWithTrace } from '@gatehouse/telemetry';
import { type ConsumerMessages, type JsMsg, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { decodeBatch, MalformedBatch, type ReceivedBatch } from './event-batch.js';
import { prevHeader, rewindsHeader, sourceHeader } from './publish.js';
import { eventStream, maxAckPending } from './topology.js';

export interface ConsumeOptions {
  readonly durable: string;
  /**
   * Applies messages in the order of the stream, all that are waiting at once (up to {@link maxBytesAtOnce}). Answers for
   * each whether its effect is durable: those are acknowledged; the others come again after `retryMs`. If it throws, all
   * come again.
   */
  readonly handle: (batches: readonly ReceivedBatch[]) => Promise<readonly boolean[]>;
  /**
   * Called when something goes wrong. A message that can't be read is given up after it: a garbled batch is then missed
   * like a lost one, and published again by its source; anything else was never an event.
   */
  readonly onError?: (error: Error) => void;
  readonly retryMs?: number;
}

/** Text handed to one call of `handle`, at most, unless a single message has more: bounds one transaction. */
export const maxBytesAtOnce = 4_000_000;

/**
 * Reads one durable consumer until stopped. Reconnects, and waits for a consumer that does not exist yet.
 *
 * @example
 * const consumption = new Consumption(nc, { durable: 'audit_ledger', handle: inbox.handle }).start();
 * await consumption.stop();
 */
export class Consumption {
  readonly #nc: NatsConnection;
  readonly #options: Required<Omit<ConsumeOptions, 'onError'>> & ConsumeOptions;
  readonly #stopping = new AbortController();
  readonly #waiting: JsMsg[] = [];
  #messages: ConsumerMessages | undefined;
  /** True from the first message waiting until none is: owner is `#applyWaiting`. */
  #applying = false;
  #pump: Promise<void> = Promise.resolve();
  #loop: Promise<void> = Promise.resolve();

  constructor(nc: NatsConnection, options: ConsumeOptions) {
    this.#nc = nc;
    this.#options = { retryMs: 500, ...options };
  }

  start(): this {
    this.#loop = this.#run();
    return this;
  }

  /** Finishes what is being applied; gives back what waits, so that another replica has it at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#messages?.close().catch(() => undefined);
    await this.#loop;
    await this.#pump;
    for (const message of this.#waiting.splice(0)) message.nak();
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#readOnce();
      } catch (error) {
        if (!this.#stopped) this.#options.onError?.(error as Error);
      }
      if (!this.#stopped) await pause(this.#options.retryMs, this.#stopping.signal);
    }
  }

  async #readOnce(): Promise<void> {
    const client = jetstream(this.#nc);
    const consumer = await client.consumers.get(eventStream.name, this.#options.durable);
    const messages = await consumer.consume({
      max_messages: maxAckPending / 2,
      // Also the pause after a failed look at the consumer, as when JetStream is not ready yet after a restart.
      expires: 2_000,
      abort_on_missing_resource: true,
    });
    this.#messages = messages;
    // Not waited for: it is closed when the loop below has seen its end.
    if (this.#stopped) void messages.close();
    for await (const message of messages) {
      this.#waiting.push(message);
      if (!this.#applying) this.#pump = this.#applyWaiting();
    }
  }

  async #applyWaiting(): Promise<void> {
    this.#applying = true;
    // One turn lets everything that has already arrived join the same transaction.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 && !this.#stopped) await this.#apply(this.#takeWaiting());
    this.#applying = false; // in the same turn as the look that found nothing, or a message would wait for the next one
  }

  #takeWaiting(): readonly JsMsg[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((message, i) => {
      bytes += message.data.length;
      return i > 0 && bytes > maxBytesAtOnce;
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  async #apply(messages: readonly JsMsg[]): Promise<void> {
    const readable = messages.flatMap((message) => {
      const batch = this.#read(message);
      return batch ? [{ message, batch }] : [];
    });
    if (readable.length === 0) return;
    let done: readonly boolean[] = [];
    try {
      const batches = readable.map(({ batch }) => batch);
      const trace = parseTraceparent(readable[0]?.message.headers?.get('traceparent') ?? '');
      done = await (trace ? runWithTrace(trace, () => this.#options.handle(batches)) : this.#options.handle(batches));
    } catch (error) {
      this.#options.onError?.(error as Error);
    }
    // The effects are durable before the acknowledgement: a crash in between delivers again, and positions skip it.
    for (const [i, { message }] of readable.entries()) done[i] ? message.ack() : message.nak(this.#options.retryMs);
  }

  #read(message: JsMsg): ReceivedBatch | undefined {
    try {
      return toBatch(message);
    } catch (error) {
      this.#options.onError?.(error as Error);
      // Kept for another try it would take one of the consumer's places for ever: 64 of them, and nobody gets anything.
      message.term('malformed');
      return undefined;
    }
  }
}

function toBatch(message: JsMsg): ReceivedBatch {
  const { headers } = message;
  const source = headers?.get(sourceHeader);
  const rewinds = Number.parseInt(headers?.get(rewindsHeader) || '0', 10) || 0;
  const batch = decodeBatch(source, headers?.get(prevHeader), message.string(), rewinds);
  // NATS lets each service publish only under its own subject; what a header says anybody can write.
  if (message.subject.split('.', 2)[1] !== source)
    throw new MalformedBatch('it is not under the subject of its source');
  return batch;
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
