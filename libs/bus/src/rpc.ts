import { currentTrace, parseTraceparent, runWithTrace } from '@gatehouse/telemetry';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { z } from 'zod';
import { tracedHeaders } from './publish.js';
import { rpcSubject } from './topology.js';

/** What a caller and a service agree on: both sides check every message against it. */
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

/** Asks one of the service's replicas and waits at most `timeoutMs`. @throws RpcError */
export async function call<I, O>(
  nc: NatsConnection,
  contract: RpcContract<I, O>,
  input: I,
  timeoutMs = 3_000,
): Promise<O> {
  const carried = tracedHeaders();
  carried.set(deadlineHeader, String(Date.now() + timeoutMs));
  const subject = rpcSubject(contract.service, contract.method);
  const message = await nc
    .request(subject, JSON.stringify(input), { timeout: timeoutMs, headers: carried })
    .catch((error: Error) => {
      const code = /timeout/i.test(error.name + error.message) ? 'deadline' : 'unavailable';
      throw new RpcError(code, `${subject} did not answer`, { cause: error });
    });
  const reply = parseReply(message);
  if (!reply.ok) throw new RpcError(reply.code, reply.message);
  const value = contract.response.safeParse(reply.value);
  if (!value.success) throw new RpcError('malformed', `${subject} answered something else than agreed`);
  return value.data;
}

function parseReply(message: Msg): Reply {
  try {
    return message.json<Reply>();
  } catch (error) {
    throw new RpcError('malformed', 'the answer is not JSON', { cause: error });
  }
}

export interface ServeOptions {
  /** Calls worked on at once; more are answered `overloaded`. */
  readonly maxInFlight?: number;
  readonly onError?: (error: Error) => void;
}

/** Serves one method, sharing the work with the service's other replicas. Answers the subscription to drain. */
export function serve<I, O>(
  nc: NatsConnection,
  contract: RpcContract<I, O>,
  handler: (input: I) => Promise<O>,
  { maxInFlight = 1_024, onError }: ServeOptions = {},
): Subscription {
  let inFlight = 0;
  const answer = async (message: Msg): Promise<Reply> => {
    // Nobody waits for an answer past its deadline: the work would only delay those who do.
    if (Number(message.headers?.get(deadlineHeader) ?? Infinity) < Date.now())
      return { ok: false, code: 'deadline', message: 'the deadline has passed' };
    const input = contract.request.safeParse(parseJson(message));
    if (!input.success) return { ok: false, code: 'malformed', message: 'the request is not what was agreed' };
    const trace = parseTraceparent(message.headers?.get('traceparent') ?? '') ?? currentTrace();
    const work = () => handler(input.data);
    return { ok: true, value: await (trace ? runWithTrace(trace, work) : work()) };
  };
  return nc.subscribe(rpcSubject(contract.service, contract.method), {
    queue: contract.service,
    callback: (error, message) => {
      if (error) return onError?.(error);
      if (inFlight >= maxInFlight)
        return void respond(message, { ok: false, code: 'overloaded', message: 'too many calls' });
      inFlight++;
      void answer(message)
        .catch((failure: Error) => refusal(failure, onError))
        .then((reply) => respond(message, reply))
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

const respond = (message: Msg, reply: Reply): boolean => message.respond(JSON.stringify(reply));
