import type { CommandContext, PostgresEventStore } from '@gatehouse/event-store';
import { handle } from '@gatehouse/event-store';
import type pg from 'pg';
import type { Sessions } from '../../account/session/sessions.service.js';
import type { AreaContext } from '../../area.js';
import { disableKey } from '../../key/disable-key/disable-key.js';
import { keyDecider, keyStream } from '../../key/key.js';
import type { People } from '../../person/people.service.js';
import { removeEverywhere } from '../../tenancy/member/remove-everywhere.service.js';
import type { Memberships } from '../../tenancy/memberships.service.js';
import { refusal } from '../../tenancy/refusals.js';
import { destroySubjectKeys } from '../../user/subject-keys.service.js';
import { lockUser } from './end-of-person.service.js';
import { eraseInvitations } from './erase-invitations.service.js';
import type { Erasure } from './erasure.js';
import type { LastOwners } from './last-owners.service.js';

export interface StepSources extends Pick<AreaContext, 'personalData'> {
  readonly store: PostgresEventStore;
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly people: People;
  readonly memberships: Memberships;
  readonly sessions: Sessions;
  readonly owners: LastOwners;
}

export interface Step {
  readonly name: string;
  /** Does it, or what of it is left to do; answers what it destroyed, counted by kind. */
  readonly run: (job: Erasure, context: CommandContext) => Promise<Readonly<Record<string, number>>>;
}

/**
 * The order matters: nobody can come in before anything goes, rows that are found by the person's address go before the
 * address does, and the tombstone stands when there is nothing left for it to lie about. Each step may be repeated.
 */
export function erasureSteps(sources: StepSources): readonly Step[] {
  const { store, pool, memberships, sessions, personalData } = sources;
  const eraseRows = async (userId: string) => {
    const counts: Record<string, number> = {};
    for (const { kind, erase } of personalData()) counts[kind] = (counts[kind] ?? 0) + (await erase(userId));
    return counts;
  };
  return [
    {
      name: 'owners',
      run: async ({ userId }) => {
        if ((await sources.owners.heldBy(userId)).length > 0) throw refusal('last_owner');
        return {};
      },
    },
    { name: 'locking', run: (job, context) => lockUser(sources, job, context) },
    {
      name: 'sessions',
      run: async ({ userId }) => ({ sessions_ended: await sessions.endAll(userId, 'erased') }),
    },
    {
      name: 'memberships',
      run: async ({ userId }, context) => {
        const { left, closed } = await removeEverywhere({ store, memberships }, context, userId);
        return { tenants_left: left.length, tenants_closed: closed.length };
      },
    },
    { name: 'keys', run: (job, context) => disableKeys(sources, job, context) },
    {
      name: 'invitations',
      run: async ({ userId }) => ({ invitations: await eraseInvitations(sources, userId) }),
    },
    { name: 'records', run: ({ userId }) => eraseRows(userId) },
    { name: 'letters', run: async ({ userId }) => ({ letters: await deleteLetters(pool, userId) }) },
    { name: 'personal_keys', run: async ({ userId }) => ({ personal_keys: await destroySubjectKeys(pool, userId) }) },
    // Whatever was being written while the first pass ran; nothing can be from here on.
    { name: 'remains', run: ({ userId }) => eraseRows(userId) },
  ];
}

/** The person's own keys, wherever they are; leaving a tenant has disabled those of that tenant. */
async function disableKeys({ store, pool }: StepSources, { userId }: Erasure, context: CommandContext) {
  const { rows } = await pool.query<{ tenant_id: string; key_id: string }>(
    `select tenant_id, key_id from keys where principal_type = 'user' and principal_id = $1 and enabled`,
    [userId],
  );
  for (const { tenant_id: tenantId, key_id: keyId } of rows)
    await handle(store, keyDecider, {
      streamId: keyStream(keyId),
      context: { ...context, tenantId },
      decide: (key) => disableKey({ reason: 'person_erased' }, key),
    });
  return { keys_disabled: rows.length };
}

async function deleteLetters(pool: pg.Pool, userId: string): Promise<number> {
  const { rowCount } = await pool.query('delete from mail_queue where subject = $1', [userId]);
  return rowCount ?? 0;
}
