import type { ErasureRequested } from '@gatehouse/contracts';
import { uuidv7 } from '@gatehouse/crypto';
import type { CommandContext, PostgresEventStore } from '@gatehouse/event-store';
import type { Person } from '../../person/people.service.js';
import { type Erasure, erasureStream } from './erasure.js';
import type { ErasureRows } from './erasure-rows.service.js';

export interface ErasureRequest {
  readonly person: Pick<Person, 'userId' | 'homeTenantId'>;
  readonly askedBy: Erasure['askedBy'];
  /** Unix time in milliseconds from which on it is done. */
  readonly dueAtMs: number;
  readonly context: Omit<CommandContext, 'tenantId'>;
  readonly commandId?: string | undefined;
}

/** Writes down that a person is to be erased. @throws ProblemError `erasure_running` */
export async function requestErasure(
  { store, rows }: { readonly store: PostgresEventStore; readonly rows: ErasureRows },
  { person, askedBy, dueAtMs, context, commandId }: ErasureRequest,
): Promise<Erasure> {
  const { userId, homeTenantId } = person;
  const dueAt = new Date(dueAtMs);
  const job: Erasure = {
    erasureId: uuidv7(context.now),
    userId,
    homeTenantId,
    askedBy,
    correlationId: context.correlationId,
    ...(context.causationId !== undefined && { decisionId: context.causationId }),
    status: 'waiting',
    progress: { done: 0, total: 0, phase: 'waiting' },
    attempt: 0,
    destroyed: {},
    requestedAt: new Date(context.now),
    dueAt,
  };
  const data: ErasureRequested = { erasureId: job.erasureId, userId, dueAt: dueAt.toISOString() };
  // COMMIT POINT: the job and its first event. The worker finds it from then on.
  await store.together(homeTenantId, async (log, client) => {
    await log.append(erasureStream(job.erasureId), [{ type: 'erasure.requested', version: 1, data }], {
      expectedRevision: 0,
      context: { ...context, tenantId: homeTenantId },
      ...(commandId !== undefined && { commandId }),
    });
    await rows.insert(client, job);
  });
  return job;
}
