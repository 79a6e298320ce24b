import { RpcError, serve } from '@gatehouse/bus';
import { type DecideRequest, type DecideResponse, decide } from '@gatehouse/contracts';
import { StoreUnavailable } from '@gatehouse/event-store';
import { currentTrace } from '@gatehouse/telemetry';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DecisionPoint } from './decision-point.js';

/** `rpc.policy.decide`: how our own services ask. NATS lets nobody else publish there. */
export const serveDecide = (nc: NatsConnection, decisions: DecisionPoint, onError: (error: Error) => void) =>
  serve(nc, decide, (request) => answer(decisions, request), { onError });

async function answer(decisions: DecisionPoint, request: DecideRequest): Promise<DecideResponse> {
  try {
    const { id, decision, reason } = await decisions.decide(request, {
      caller: request.caller,
      correlationId: currentTrace()?.traceId ?? '',
      ...(request.source?.ip && { ip: request.source.ip }),
    });
    return { id, decision, reason };
  } catch (error) {
    if (error instanceof StoreUnavailable)
      throw new RpcError('unavailable', 'the decision could not be recorded', { cause: error });
    throw error;
  }
}
