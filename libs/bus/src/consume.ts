import { parseTraceparent, runWithTrace } from '@gatehouse/telemetry';
import { type ConsumerMessages, type JsMsg, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { decodeBatch, type ReceivedBatch } from './event-batch.js';
import { prevHeader, sourceHeader } from './publish.js';
import { eventStream, maxAckPending } from './topology.js';

export interface ConsumeOptions {
  readonly durable: string;
  /**
   * Applies messages in the order of the stream, all that are waiting at once. Answers for each whether its effect is
   * durable: those are acknowledged; the others come again after `retryMs`. If it throws, all come again.
   */
  readonly handle: (batches: readonly ReceivedBatch[]) => Promise<readonly boolean[]>;
  /** Called for a message that can't even be read. It is not acknowledged: the source must mend it. */
  readonly onError?: (error: Error) => void;
  readonly retryMs?: number;
}

/** Reads one durable consumer until stopped. Reconnects, and waits for a consumer that does not exist yet. */
export class Consumption {
  readonly #nc: NatsConnection;
  readonly #options: Required<Omit<ConsumeOptions, 'onError'>> & ConsumeOptions;
  readonly #waiting: JsMsg[] = [];
  #messages: ConsumerMessages | undefined;
  #stopped = false;
  #pump: Promise<void> | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(nc: NatsConnection, options: ConsumeOptions) {
    this.#nc = nc;
    this.#options = { retryMs: 500, ...options };
  }

  start(): this {
    this.#loop = this.#run();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#messages?.close().catch(() => undefined);
    await this.#loop;
    await this.#pump;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#readOnce();
      } catch (error) {
        if (!this.#stopped) this.#options.onError?.(error as Error);
      }
      if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, this.#options.retryMs));
    }
  }

  async #readOnce(): Promise<void> {
    const client = jetstream(this.#nc);
    const consumer = await client.consumers.get(eventStream.name, this.#options.durable);
    const messages = await consumer.consume({
      max_messages: maxAckPending / 2,
      expires: 5_000,
      abort_on_missing_resource: true,
    });
    this.#messages = messages;
    if (this.#stopped) await messages.close();
    for await (const message of messages) {
      this.#waiting.push(message);
      this.#pump ??= this.#applyWaiting().finally(() => {
        this.#pump = undefined;
      });
    }
  }

  async #applyWaiting(): Promise<void> {
    // One turn lets everything that has already arrived join the same transaction.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 && !this.#stopped) await this.#apply(this.#waiting.splice(0));
  }

  async #apply(messages: readonly JsMsg[]): Promise<void> {
    let done: readonly boolean[] = [];
    try {
      const batches = messages.map(toBatch);
      const trace = parseTraceparent(messages[0]?.headers?.get('traceparent') ?? '');
      done = await (trace ? runWithTrace(trace, () => this.#options.handle(batches)) : this.#options.handle(batches));
    } catch (error) {
      this.#options.onError?.(error as Error);
    }
    // The effects are durable before the acknowledgement: a crash in between delivers again, and positions skip it.
    for (const [i, message] of messages.entries()) done[i] ? message.ack() : message.nak(this.#options.retryMs);
  }
}

const toBatch = (message: JsMsg): ReceivedBatch =>
  decodeBatch(message.headers?.get(sourceHeader), message.headers?.get(prevHeader), message.string());
