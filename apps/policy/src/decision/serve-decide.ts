import { RpcError, serve } from '@gatehouse/bus';
import { type DecideRequest, type DecideResponse, decide } from '@gatehouse/contracts';
import { StoreUnavailable } from '@gatehouse/event-store';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DecisionPoint } from './decision-point.js';
import { readPosition } from './minimum-position.js';

/** `rpc.policy.decide`: how our own services ask. NATS lets nobody else publish there. */
export const serveDecide = (nc: NatsConnection, decisions: DecisionPoint, onError: (error: Error) => void) =>
  serve(nc, decide, (request, trace) => answer(decisions, request, trace?.traceId ?? ''), {
    onError,
    asyncTrace: false,
  });

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
    const { id, decision, reason } = await decisions.decide(question, {
      caller,
      correlationId,
      ...(source?.ip && { ip: source.ip }),
    });
    return { id, decision, reason };
  } catch (error) {
    if (error instanceof StoreUnavailable)
      throw new RpcError('unavailable', 'the decision could not be made or recorded', { cause: error });
    throw error;
  }
}
