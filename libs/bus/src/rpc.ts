import { currentTrace, parseTraceparent, runWithTrace, type TraceContext } from '@gatehouse/telemetry';
import { errors, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import type { z } from 'zod';
import { isDown } from './connect.js';
import { tracedHeaders } from './publish.js';
import { rpcSubject } from './topology.js';

/** What a caller and a service agree on: whoever receives a message checks it. */
export interface RpcContract<I, O> {
  readonly service: string;
  readonly method: string;
  readonly request: z.ZodType<I>;
  readonly response: z.ZodType<O>;
}

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

const deadlineHeader = 'Gatehouse-Deadline';
type Reply = { ok: true; value: unknown } | { ok: false; code: string; message: string };

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
  const subject = rpcSubject(contract.service, contract.method);
  // Without a connection the client would keep the request for later, when nobody waits for its answer any more.
  if (isDown(nc)) throw new RpcError('unavailable', `${subject} can't be asked: no connection to NATS`);
  const carried = tracedHeaders(trace);
  carried.set(deadlineHeader, String(Date.now() + timeoutMs));
  const message = await nc
    .request(subject, JSON.stringify(input), { timeout: timeoutMs, headers: carried })
    .catch((error: Error) => {
      const code = error instanceof errors.TimeoutError ? 'deadline' : 'unavailable';
      throw new RpcError(code, `${subject} did not answer`, { cause: error });
    });
  const reply = parseReply(message);
  if (!reply) throw new RpcError('malformed', `${subject} answered something else than agreed`);
  if (!reply.ok) throw new RpcError(reply.code, reply.message);
  const value = contract.response.safeParse(reply.value);
  if (!value.success) throw new RpcError('malformed', `${subject} answered something else than agreed`);
  return value.data;
}

function parseReply(message: Msg): Reply | undefined {
  const reply = parseJson(message) as Partial<{ ok: unknown; code: unknown; message: unknown }> | null | undefined;
  if (reply?.ok === true) return reply as Reply;
  const refused = reply?.ok === false && typeof reply.code === 'string' && typeof reply.message === 'string';
  return refused ? (reply as Reply) : undefined;
}

export interface ServeOptions {
  /** Calls worked on at once; more are answered `overloaded`. */
  readonly maxInFlight?: number;
  /** Whether `currentTrace()` works in the handler, as it does unless this is false: the whole process pays for it. */
  readonly asyncTrace?: boolean;
  readonly onError?: (error: Error) => void;
}

/** Serves one method, sharing the work with the service's other replicas. Answers the subscription to drain. */
export function serve<I, O>(
  nc: NatsConnection,
  contract: RpcContract<I, O>,
  handler: (input: I, trace: TraceContext | undefined) => Promise<O>,
  { maxInFlight = 1_024, asyncTrace = true, onError }: ServeOptions = {},
): Subscription {
  let inFlight = 0;
  const answer = async (message: Msg): Promise<Reply> => {
    // Nobody waits for an answer past its deadline: the work would only delay those who do.
    if (Number(message.headers?.get(deadlineHeader) ?? Infinity) < Date.now())
      return { ok: false, code: 'deadline', message: 'the deadline has passed' };
    const input = contract.request.safeParse(parseJson(message));
    if (!input.success) return { ok: false, code: 'malformed', message: 'the request is not what was agreed' };
    const trace = parseTraceparent(message.headers?.get('traceparent') ?? '') ?? currentTrace();
    const work = () => handler(input.data, trace);
    return { ok: true, value: await (trace && asyncTrace ? runWithTrace(trace, work) : work()) };
  };
  return nc.subscribe(rpcSubject(contract.service, contract.method), {
    queue: contract.service,
    callback: (error, message) => {
      if (error) return onError?.(error);
      if (inFlight >= maxInFlight) {
        const overloaded = { ok: false, code: 'overloaded', message: 'too many calls' } as const;
        return respond(message, overloaded, onError);
      }
      inFlight++;
      void answer(message)
        .catch((failure: Error) => refusal(failure, onError))
        .then((reply) => respond(message, reply, onError))
        .finally(() => inFlight--);
    },
  });
}

const parseJson = (message: Msg): unknown => {
  try {
    return message.json();
  } catch {
    return undefined;
  }
};

const refusal = (failure: Error, onError?: (error: Error) => void): Reply => {
  if (failure instanceof RpcError) return { ok: false, code: failure.code, message: failure.message };
  onError?.(failure);
  return { ok: false, code: 'internal', message: 'the service failed' };
};

/** Never throws: a failure here belongs to one call and must not end the service. */
function respond(message: Msg, reply: Reply, onError?: (error: Error) => void): void {
  try {
    message.respond(JSON.stringify(reply));
  } catch (error) {
    // Not JSON, longer than NATS takes, or the connection is closed. The short answer may still get through.
    onError?.(error as Error);
    if (reply.ok) respond(message, { ok: false, code: 'internal', message: 'the service failed' });
  }
}
