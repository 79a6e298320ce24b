import { RpcError, serve } from '@gatehouse/bus';
import { type DecideRequest, type DecideResponse, decide } from '@gatehouse/contracts';
import { StoreUnavailable } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DecisionPoint } from './decision-point.js';
import { Undecidable } from './identifiers.js';
import { readPosition } from './minimum-position.js';

/** `rpc.policy.decide`: how our own services ask. NATS lets nobody else publish there. */
export const serveDecide = (nc: NatsConnection, decisions: DecisionPoint, onError: (error: Error) => void) =>
  serve(nc, decide, (request, trace) => answer(decisions, request, trace?.traceId ?? ''), {
    onError,
    asyncTrace: false,
    groupOf: tenantOf,
  });

/** Of a question that nobody has looked at yet. */
const tenantOf = (input: unknown): string => String((input as Partial<DecideRequest> | null | undefined)?.tenantId);

async function answer(
  decisions: DecisionPoint,
  request: DecideRequest,
  correlationId: string,
): Promise<DecideResponse> {
  const { caller, source, minPosition, ...question } = request;
  const position = minPosition === undefined ? undefined : readPosition(minPosition);
  if (minPosition !== undefined && !position) throw new RpcError('malformed', 'minPosition is not a position');
  try {
    if (position) await decisions.waitFor(position);
    const { id, outcome } = await decisions.decide(question, {
      caller,
      correlationId,
      ...(source?.ip && { ip: source.ip }),
    });
    return { id, decision: outcome.decision, reason: outcome.reason };
  } catch (error) {
    // A policy that can't be used answers 503 over HTTP, too.
    if (error instanceof StoreUnavailable || (error instanceof ProblemError && error.status === 503))
      throw new RpcError('unavailable', 'the decision could not be made or recorded', { cause: error });
    if (error instanceof Undecidable) throw new RpcError('malformed', 'the question cannot be recorded');
    throw error;
  }
}
