import type { ErasureCompleted, UserDisabled, UserErased } from '@gatehouse/contracts';
import type { CommandContext, EventStore, NewEvent, PostgresEventStore, Query } from '@gatehouse/event-store';
import { type Erasure, erasureStream } from './erasure.js';

interface Sources {
  readonly store: PostgresEventStore;
}

const userStream = (userId: string): string => `user:${userId}`;

/** Appends to a stream wherever it stands, inside the transaction that read it; answers the ids of what it wrote. */
export async function appendToStream(
  log: EventStore,
  streamId: string,
  event: Omit<NewEvent, 'version'>,
  context: CommandContext,
): Promise<string> {
  const { revision } = await log.read(context.tenantId, streamId);
  const { events } = await log.append(streamId, [{ ...event, version: 1 }], { expectedRevision: revision, context });
  return events[0]?.id ?? '';
}

const lockedFor = 'erasure';

/** Nobody signs in as the person while the erasure runs. */
export async function lockUser({ store }: Sources, { userId, homeTenantId }: Erasure, context: CommandContext) {
  await store.together(homeTenantId, async (log, client) => {
    if ((await statusOf(client, userId)) !== 'active') return;
    const data: UserDisabled = { userId, reason: lockedFor };
    const own = { ...context, tenantId: homeTenantId };
    await appendToStream(log, userStream(userId), { type: 'user.disabled', data }, own);
  });
  return {};
}

/** The erasure was refused in the middle: whoever it had locked out may come back, and nobody else. */
export async function unlockUser({ store }: Sources, { userId, homeTenantId }: Erasure, context: CommandContext) {
  await store.together(homeTenantId, async (log, client) => {
    if ((await statusOf(client, userId)) !== 'disabled') return;
    const { events } = await log.read(homeTenantId, userStream(userId));
    const last = events.filter(({ type }) => type === 'user.disabled' || type === 'user.enabled').at(-1);
    if (last?.data.reason !== lockedFor) return;
    const own = { ...context, tenantId: homeTenantId };
    await appendToStream(log, userStream(userId), { type: 'user.enabled', data: { userId } }, own);
  });
}

async function statusOf(client: Pick<Query, 'query'>, userId: string): Promise<string | undefined> {
  const text = 'select status from people where user_id = $1 for update';
  return (await client.query<{ status: string }>(text, [userId])).rows[0]?.status;
}

/**
 * The tombstone, once: a person who was erased before keeps the first one. Answers the id of the event.
 */
export async function eraseUser({ store }: Sources, job: Erasure, context: CommandContext): Promise<string> {
  const { userId, homeTenantId: tenantId, destroyed } = job;
  // COMMIT POINT of the erasure: the person's row, and with it the address, is free in the transaction of this event.
  return store.together(tenantId, async (log) => {
    const { events } = await log.read(tenantId, userStream(userId));
    const before = events.find(({ type }) => type === 'user.erased');
    if (before) return before.id;
    const data: UserErased = { userId, destroyed };
    return appendToStream(log, userStream(userId), { type: 'user.erased', data }, { ...context, tenantId });
  });
}

/** The certificate, in the tenant of whoever asked: he can prove it from the ledger without seeing the person's tenant. */
export async function certify({ store }: Sources, job: Erasure, userErased: string, context: CommandContext) {
  const { erasureId, userId, destroyed } = job;
  const tenantId = job.askedBy.tenantId;
  const data: ErasureCompleted = { erasureId, userId, userErased, destroyed };
  await store.together(tenantId, async (log) => {
    const { events } = await log.read(tenantId, erasureStream(erasureId));
    if (events.some(({ type }) => type === 'erasure.completed')) return;
    await appendToStream(log, erasureStream(erasureId), { type: 'erasure.completed', data }, { ...context, tenantId });
  });
}
