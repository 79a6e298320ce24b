import { SharedBound } from '@gatehouse/fair-share';
import { currentTrace, type TraceContext } from '@gatehouse/telemetry';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { tracedHeaders } from './publish.js';
import { answerOf, exchange, type RpcContract, RpcError } from './rpc.js';
import { asReply, callLine, callsHeader, maxCallsInMessage, type Reply, readJson, readReplies } from './rpc-message.js';

export interface SharedCallsOptions<I = unknown> {
  readonly connection: () => NatsConnection;
  /** Calls share a message only with those of the same group: nobody waits for what another group asked. One unless given. */
  readonly groupOf?: (input: I) => string;
  /** From the asking to the answer, however long a call waits for its message. */
  readonly timeoutMs?: number;
  /** Calls in one message. */
  readonly maxCalls?: number;
  /** Characters of one message; a single call may have more. */
  readonly maxChars?: number;
  /** How long calls gather at most while a message waits for its answer: until then, or until a message is full. */
  readonly gatherMs?: number;
  /** Calls that wait for a message; more are refused at once. A group that has less than an equal share of it still gets that. */
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

/** Calls that may share a message. */
interface Group<O> {
  readonly waiting: Waiting<O>[];
  /** Of all that wait. */
  chars: number;
  inFlight: number;
  scheduled: boolean;
  impatient: NodeJS.Timeout | undefined;
}

/**
 * Asks one method for many callers at once: those who come in one turn of the event loop, or while others wait for their
 * answers, share a message and its reply. A call that is alone goes at once, as `call` sends it. All calls of a message
 * are answered together, so a call that may take long is better made by `call`, and whoever must not feel the slowness of
 * another asks in a group of its own.
 *
 * @example
 * const decisions = new SharedCalls(decide, { connection: () => platform.bus.nc, groupOf: ({ tenantId }) => tenantId });
 * const { decision } = await decisions.ask({ tenantId, subject, action, resource, caller });
 */
export class SharedCalls<I, O> {
  readonly #contract: RpcContract<I, O>;
  readonly #options: Required<SharedCallsOptions<I>>;
  /** Only those with calls waiting or under way. */
  readonly #groups = new Map<string, Group<O>>();
  readonly #waiting: SharedBound;

  constructor(contract: RpcContract<I, O>, options: SharedCallsOptions<I>) {
    this.#contract = contract;
    this.#options = { ...defaults, groupOf: () => '', ...options };
    this.#waiting = new SharedBound(this.#options.maxWaiting);
    if (this.#options.maxCalls > maxCallsInMessage) throw new RangeError(`at most ${maxCallsInMessage} in a message`);
  }

  /** @throws RpcError, as `call` does; `overloaded`: too many wait here */
  ask(input: I, trace: TraceContext | undefined = currentTrace()): Promise<O> {
    const { timeoutMs, groupOf } = this.#options;
    const [text, name] = [JSON.stringify(input), groupOf(input)];
    if (!this.#waiting.enter({ group: name, count: 1 }))
      return Promise.reject(new RpcError('overloaded', 'too many calls'));
    const group = this.#groups.get(name) ?? {
      waiting: [],
      chars: 0,
      inFlight: 0,
      scheduled: false,
      impatient: undefined,
    };
    this.#groups.set(name, group);
    return new Promise((resolve, reject) => {
      group.chars += text.length;
      group.waiting.push({ text, trace, until: Date.now() + timeoutMs, resolve, reject });
      this.#schedule(name, group);
    });
  }

  #schedule(name: string, group: Group<O>): void {
    if (group.scheduled) return;
    group.scheduled = true;
    // One turn of the event loop is the only delay: every request parsed in it joins the message.
    setImmediate(() => {
      group.scheduled = false;
      const { maxCalls, maxChars, gatherMs } = this.#options;
      const isFull = () => group.waiting.length >= maxCalls || group.chars > maxChars;
      while (group.waiting.length > 0 && (group.inFlight === 0 || isFull())) void this.#send(name, group);
      // The answer may come late, or never: nobody waits long behind it.
      if (group.waiting.length > 0) group.impatient ??= setTimeout(() => this.#sendAll(name, group), gatherMs);
    });
  }

  #sendAll(name: string, group: Group<O>): void {
    group.impatient = undefined;
    while (group.waiting.length > 0) void this.#send(name, group);
  }

  #take(name: string, group: Group<O>): readonly Waiting<O>[] {
    const { waiting } = group;
    let chars = 0;
    const end = waiting.findIndex(({ text }, i) => {
      chars += text.length;
      return i === this.#options.maxCalls || (i > 0 && chars > this.#options.maxChars);
    });
    const taken = waiting.splice(0, end < 0 ? waiting.length : end);
    for (const { text } of taken) group.chars -= text.length;
    this.#waiting.leave({ group: name, count: taken.length });
    return taken;
  }

  async #send(name: string, group: Group<O>): Promise<void> {
    const calls = this.#take(name, group);
    group.inFlight++;
    if (group.waiting.length === 0) {
      clearTimeout(group.impatient);
      group.impatient = undefined;
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
    group.inFlight--;
    if (group.waiting.length > 0) this.#schedule(name, group);
    else if (group.inFlight === 0) this.#groups.delete(name);
  }

  async #replies(calls: readonly Waiting<O>[]): Promise<readonly (Reply | undefined)[] | undefined> {
    const nc = this.#options.connection();
    const first = calls[0] as Waiting<O>;
    // Whoever has waited longest says how long all of them wait.
    const timeoutMs = first.until - Date.now();
    if (timeoutMs <= 0) throw new RpcError('deadline', 'the calls waited too long for their message');
    if (calls.length === 1)
      return [asReply(readJson(await exchange(nc, this.#contract, first.text, tracedHeaders(first.trace), timeoutMs)))];
    const carried = headers();
    carried.set(callsHeader, String(calls.length));
    const body = calls.map(({ text, trace }) => callLine(text, trace)).join('\n');
    return readReplies(await exchange(nc, this.#contract, body, carried, timeoutMs), calls.length);
  }
}
