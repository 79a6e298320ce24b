import { currentTrace, type TraceContext } from '@gatehouse/telemetry';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { tracedHeaders } from './publish.js';
import { answerOf, exchange, type RpcContract, RpcError } from './rpc.js';
import { asReply, callLine, callsHeader, maxCallsInMessage, type Reply, readJson, readReplies } from './rpc-message.js';

export interface SharedCallsOptions {
  readonly connection: () => NatsConnection;
  /** From the asking to the answer, however long a call waits for its message. */
  readonly timeoutMs?: number;
  /** Calls in one message. */
  readonly maxCalls?: number;
  /** Characters of one message; a single call may have more. */
  readonly maxChars?: number;
  /** How long calls gather at most while a message waits for its answer: until then, or until a message is full. */
  readonly gatherMs?: number;
  /** Calls that wait for a message; more are refused at once. */
  readonly maxWaiting?: number;
}

interface Waiting<O> {
  readonly text: string;
  readonly trace: TraceContext | undefined;
  readonly until: number;
  readonly resolve: (answer: O) => void;
  readonly reject: (error: unknown) => void;
}

const defaults = { timeoutMs: 3_000, maxCalls: 64, maxChars: 200_000, gatherMs: 50, maxWaiting: 4_096 };

/**
 * Asks one method for many callers at once: those who come in one turn of the event loop, or while others wait for their
 * answers, share a message and its reply. A call that is alone goes at once, as `call` sends it. All calls of a message
 * are answered together, so a call that may take long is better made by `call`.
 *
 * @example
 * const decisions = new SharedCalls(decide, { connection: () => platform.bus.nc });
 * const { decision } = await decisions.ask({ tenantId, subject, action, resource, caller });
 */
export class SharedCalls<I, O> {
  readonly #contract: RpcContract<I, O>;
  readonly #options: Required<SharedCallsOptions>;
  readonly #waiting: Waiting<O>[] = [];
  #inFlight = 0;
  #scheduled = false;
  #impatient: NodeJS.Timeout | undefined;

  constructor(contract: RpcContract<I, O>, options: SharedCallsOptions) {
    this.#contract = contract;
    this.#options = { ...defaults, ...options };
    if (this.#options.maxCalls > maxCallsInMessage) throw new RangeError(`at most ${maxCallsInMessage} in a message`);
  }

  /** @throws RpcError, as `call` does; `overloaded`: too many wait here */
  ask(input: I, trace: TraceContext | undefined = currentTrace()): Promise<O> {
    const { maxWaiting, timeoutMs } = this.#options;
    if (this.#waiting.length >= maxWaiting) return Promise.reject(new RpcError('overloaded', 'too many calls'));
    const text = JSON.stringify(input);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, trace, until: Date.now() + timeoutMs, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // One turn of the event loop is the only delay: every request parsed in it joins the message.
    setImmediate(() => {
      this.#scheduled = false;
      const { maxCalls, gatherMs } = this.#options;
      while (this.#waiting.length > 0 && (this.#inFlight === 0 || this.#waiting.length >= maxCalls))
        void this.#send(this.#take());
      // The answer may come late, or never: nobody waits long behind it.
      if (this.#waiting.length > 0) this.#impatient ??= setTimeout(() => this.#sendAll(), gatherMs);
    });
  }

  #sendAll(): void {
    this.#impatient = undefined;
    while (this.#waiting.length > 0) void this.#send(this.#take());
  }

  #take(): readonly Waiting<O>[] {
    let chars = 0;
    const end = this.#waiting.findIndex(({ text }, i) => {
      chars += text.length;
      return i === this.#options.maxCalls || (i > 0 && chars > this.#options.maxChars);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #send(calls: readonly Waiting<O>[]): Promise<void> {
    this.#inFlight++;
    if (this.#waiting.length === 0) {
      clearTimeout(this.#impatient);
      this.#impatient = undefined;
    }
    try {
      const replies = await this.#replies(calls);
      for (const [i, { resolve, reject }] of calls.entries())
        try {
          resolve(answerOf(this.#contract, replies?.[i]));
        } catch (error) {
          reject(error);
        }
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
    this.#inFlight--;
    if (this.#waiting.length > 0) this.#schedule();
  }

  async #replies(calls: readonly Waiting<O>[]): Promise<readonly (Reply | undefined)[] | undefined> {
    const nc = this.#options.connection();
    const first = calls[0] as Waiting<O>;
    // Whoever has waited longest says how long all of them wait.
    const timeoutMs = first.until - Date.now();
    if (calls.length === 1)
      return [asReply(readJson(await exchange(nc, this.#contract, first.text, tracedHeaders(first.trace), timeoutMs)))];
    const carried = headers();
    carried.set(callsHeader, String(calls.length));
    const body = calls.map(({ text, trace }) => callLine(text, trace)).join('\n');
    return readReplies(await exchange(nc, this.#contract, body, carried, timeoutMs), calls.length);
  }
}
