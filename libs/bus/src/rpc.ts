import { SharedBound } from '@gatehouse/fair-share';
import { safeParse } from '@gatehouse/schema';
import { currentTrace, parseTraceparent, runWithTrace, type TraceContext } from '@gatehouse/telemetry';
import { errors, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import type { z } from 'zod';
import { isDown } from './connect.js';
import { tracedHeaders } from './publish.js';
import {
  asReply,
  callCount,
  deadlineHeader,
  malformedRequest,
  type ReceivedCall,
  type Reply,
  readCalls,
  readJson,
  refused,
} from './rpc-message.js';
import { rpcSubject } from './topology.js';

/** What a caller and a service agree on: whoever receives a message checks it. */
export interface RpcContract<I, O> {
  readonly service: string;
  readonly method: string;
  readonly request: z.ZodType<I>;
  readonly response: z.ZodType<O>;
}

type RpcMethod = Pick<RpcContract<unknown, unknown>, 'service' | 'method'>;

/** The other service refused (`code` is its own) or could not be asked (`unavailable`, `deadline`, `malformed`). */
export class RpcError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'RpcError';
  }
}

/**
 * Asks one of the service's replicas and waits at most `timeoutMs`. The deadline travels along as a time of day: the
 * clocks of two machines must agree much better than that. So does `trace`, given by whoever has it at hand.
 *
 * @example const { decision } = await call(nc, decide, { principal, action, resource });
 *
 * @throws RpcError
 */
export async function call<I, O>(
  nc: NatsConnection,
  contract: RpcContract<I, O>,
  input: I,
  timeoutMs = 3_000,
  trace: TraceContext | undefined = currentTrace(),
): Promise<O> {
  const message = await exchange(nc, contract, JSON.stringify(input), tracedHeaders(trace), timeoutMs);
  return answerOf(contract, asReply(readJson(message)));
}

/** Sends one message and waits for its reply. @throws RpcError `unavailable`, `deadline` */
export async function exchange(
  nc: NatsConnection,
  contract: RpcMethod,
  body: string,
  carried: MsgHdrs,
  timeoutMs: number,
): Promise<Msg> {
  const subject = rpcSubject(contract.service, contract.method);
  // Without a connection the client would keep the request for later, when nobody waits for its answer any more.
  if (isDown(nc)) throw new RpcError('unavailable', `${subject} can't be asked: no connection to NATS`);
  carried.set(deadlineHeader, String(Date.now() + timeoutMs));
  return nc.request(subject, body, { timeout: timeoutMs, headers: carried }).catch((error: Error) => {
    const code = error instanceof errors.TimeoutError ? 'deadline' : 'unavailable';
    throw new RpcError(code, `${subject} did not answer`, { cause: error });
  });
}

/** What a reply says, if it is of the agreed shape. @throws RpcError */
export function answerOf<O>(
  contract: RpcMethod & Pick<RpcContract<unknown, O>, 'response'>,
  reply: Reply | undefined,
): O {
  const malformed = () =>
    new RpcError('malformed', `${rpcSubject(contract.service, contract.method)} answered something else than agreed`);
  if (!reply) throw malformed();
  if (!reply.ok) throw new RpcError(reply.code, reply.message);
  const value = safeParse(contract.response, reply.value);
  if (!value.success) throw malformed();
  return value.data;
}

export interface ServeOptions {
  /** Calls worked on at once; more are answered `overloaded`. A group that has less than an equal share of it still gets that. */
  readonly maxInFlight?: number;
  /** Of an input, which nobody has checked yet: whose load must not make calls of another fail. One unless given. */
  readonly groupOf?: (input: unknown) => string;
  /** Whether `currentTrace()` works in the handler, as it does unless this is false: the whole process pays for it. */
  readonly asyncTrace?: boolean;
  readonly onError?: (error: Error) => void;
}

/**
 * Serves one method, sharing the work with the service's other replicas. A message may carry several calls (`SharedCalls`):
 * each is worked on by itself, and all are answered together. Answers the subscription to drain.
 */
export function serve<I, O>(
  nc: NatsConnection,
  contract: RpcContract<I, O>,
  handler: (input: I, trace: TraceContext | undefined) => Promise<O>,
  { maxInFlight = 1_024, groupOf = () => '', asyncTrace = true, onError }: ServeOptions = {},
): Subscription {
  const inFlight = new SharedBound(maxInFlight);
  const answer = async ({ input, trace }: ReceivedCall): Promise<Reply> => {
    const read = safeParse(contract.request, input);
    if (!read.success) return malformedRequest;
    const work = () => handler(read.data, trace);
    return { ok: true, value: await (trace && asyncTrace ? runWithTrace(trace, work) : work()) };
  };
  const answerOrRefusal = (received: ReceivedCall): Promise<Reply> =>
    answer(received).catch((failure: Error) => refusal(failure, onError));
  const answerAll = (calls: readonly ReceivedCall[]): Promise<Reply | readonly Reply[]> =>
    calls.length === 1 ? answerOrRefusal(calls[0] as ReceivedCall) : Promise.all(calls.map(answerOrRefusal));
  return nc.subscribe(rpcSubject(contract.service, contract.method), {
    queue: contract.service,
    callback: (error, message) => {
      if (error) return onError?.(error);
      // Nobody waits for an answer past its deadline: the work would only delay those who do.
      if (Number(message.headers?.get(deadlineHeader) || Infinity) < Date.now())
        return respond(message, refused('deadline', 'the deadline has passed'), onError);
      const calls = callsOf(message);
      if (!calls) return respond(message, malformedRequest, onError);
      // Calls share a message only with those of their group (`SharedCalls`).
      const entered = { group: groupOf(calls[0]?.input), count: calls.length };
      if (!inFlight.enter(entered)) return respond(message, refused('overloaded', 'too many calls'), onError);
      void answerAll(calls)
        .then((reply) => respond(message, reply, onError))
        .finally(() => inFlight.leave(entered));
    },
  });
}

/** The calls of a message, one at least, or undefined where it doesn't carry what it says. */
function callsOf(message: Msg): readonly ReceivedCall[] | undefined {
  const count = callCount(message);
  if (count === 1) return [{ input: readJson(message), trace: traceOf(message) }];
  return count === undefined ? undefined : readCalls(message, count);
}

const traceOf = (message: Msg): TraceContext | undefined =>
  parseTraceparent(message.headers?.get('traceparent') ?? '') ?? currentTrace();

const refusal = (failure: Error, onError?: (error: Error) => void): Reply => {
  if (failure instanceof RpcError) return refused(failure.code, failure.message);
  onError?.(failure);
  return refused('internal', 'the service failed');
};

/** Never throws: a failure here belongs to one message and must not end the service. */
function respond(message: Msg, reply: Reply | readonly Reply[], onError?: (error: Error) => void): void {
  try {
    message.respond(JSON.stringify(reply));
  } catch (error) {
    // Not JSON, longer than NATS takes, or the connection is closed. The short answer may still get through.
    onError?.(error as Error);
    if (!('ok' in reply) || reply.ok) respond(message, refused('internal', 'the service failed'), onError);
  }
}
