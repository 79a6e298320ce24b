import { type Decider, type EventStore, type HandleOptions, handle } from '@gatehouse/event-store';
import { defineProblems, type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import { commandContext, commandIdOf, expectedRevisionOf } from './request-command.js';

defineProblems({
  idempotency_key_reused: { status: 409, title: 'This Idempotency-Key was sent with another request' },
});

export interface HandledCommand<S> {
  readonly request: HttpRequest;
  readonly caller: Principal;
  /** Names the command among those of this caller that may carry the same `Idempotency-Key`: `key.disable`. */
  readonly operation: string;
  readonly streamId: string;
  readonly decide: HandleOptions<S>['decide'];
}

/**
 * One command of one caller on one stream: `handle` with what the request's headers ask, `Idempotency-Key` and `If-Match`.
 *
 * @throws ProblemError `idempotency_key_reused` when the key was sent for another stream before
 */
export async function handleCommand<S>(
  store: EventStore,
  decider: Decider<S>,
  { request, caller, operation, streamId, decide }: HandledCommand<S>,
): Promise<Awaited<ReturnType<typeof handle<S>>>> {
  const commandId = commandIdOf(request, caller, operation);
  const expectedRevision = expectedRevisionOf(request);
  const result = await handle(store, decider, {
    streamId,
    context: commandContext(request, caller, Date.now()),
    ...(commandId !== undefined && { commandId }),
    ...(expectedRevision !== undefined && { expectedRevision }),
    decide,
  });
  if (result.duplicate && result.events[0]?.streamId !== streamId) throw new ProblemError('idempotency_key_reused');
  return result;
}
