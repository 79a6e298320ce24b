import type { Envelope, SealedField, UserRegistered } from '@gatehouse/contracts';
import { blindIndex, type Pepper } from '@gatehouse/crypto';
import { type Query, sqlState } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';
import type { Secrets } from '../area.js';
import { openSealed } from '../user/subject-keys.service.js';

type Client = Pick<Query, 'query'>;

/** By what an address is looked up: equal for equal addresses, whatever their letter case. */
export const emailIndex = (pepper: Pepper, email: string): string => blindIndex(pepper, 'user.email', email.trim());

/**
 * Everybody, of all tenants, by id and by address. The address is opened to compute its index, so a rebuild after an
 * erasure cannot bring the person back: the key is gone, and with it the index. Its unique index is what makes two
 * verified people of one address impossible.
 */
export const peopleProjection = ({ root, pepper }: Secrets): Projection => ({
  name: 'people',
  version: 1,
  tables: ['people'],
  types: [
    'user.registered',
    'user.email_verified',
    'user.profile_changed',
    'user.disabled',
    'user.enabled',
    'user.erased',
  ],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await apply(client as Client, envelope);

    async function apply(query: Client, envelope: Envelope): Promise<void> {
      if (envelope.type === 'user.registered') return register(query, envelope);
      const { userId } = envelope.data as { userId: string };
      const [change, ...values] = changes[envelope.type]?.(envelope) ?? [];
      if (!change) return;
      await query.query(`update people set ${change}, revision = $2 where user_id = $1`, [
        userId,
        envelope.revision,
        ...values,
      ]);
    }

    async function register(query: Client, { tenantId, data, sealed, occurredAt, revision }: Envelope): Promise<void> {
      const { userId, verified } = data as unknown as UserRegistered;
      const email = sealed?.email && (await openSealed(root, query, tenantId, 'email', sealed.email));
      const known = email !== undefined;
      await query.query(
        `insert into people (tenant_id, user_id, status, email_index, email, name, registered_at, revision)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          tenantId,
          userId,
          known ? (verified === false ? 'pending' : 'active') : 'erased',
          known ? emailIndex(pepper, email) : null,
          known ? json(sealed?.email) : null,
          known ? json(sealed?.name) : null,
          occurredAt,
          revision,
        ],
      );
    }
  },
});

const json = (field: SealedField | undefined): string | null => (field ? JSON.stringify(field) : null);

/** What each event changes; somebody erased stays erased, in whatever order a rebuild finds out. */
const changes: Readonly<Record<string, (event: Envelope) => readonly [string, ...unknown[]]>> = {
  'user.email_verified': () => [`status = case status when 'pending' then 'active' else status end`],
  'user.profile_changed': ({ sealed }) => [
    `name = case status when 'erased' then null else $3::jsonb end`,
    json(sealed?.name),
  ],
  'user.disabled': () => [`status = case status when 'erased' then status else 'disabled' end`],
  'user.enabled': () => [`status = case status when 'disabled' then 'active' else status end`],
  'user.erased': () => [`status = 'erased', email_index = null, email = null, name = null`],
};

/** Two verified people of one address: the index refuses the row, and with it the transaction. */
export const isEmailTaken = (error: unknown): boolean =>
  sqlState(error) === '23505' && (error as { constraint?: string }).constraint === 'people_email';
