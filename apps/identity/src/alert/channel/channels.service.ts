import { randomBytes } from 'node:crypto';
import type { AlertChannelCreated, SealedField } from '@gatehouse/contracts';
import { asTenant, type CommandContext, type PostgresEventStore } from '@gatehouse/event-store';
import type pg from 'pg';
import { Refusal } from '../../refusal.js';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import { enqueueDeliveries } from '../delivery/delivery-queue.service.js';
import { secretBytes, secretPrefix } from './webhook-signature.js';

export interface ChannelRow {
  readonly channel_id: string;
  readonly kind: 'webhook' | 'email';
  readonly name: string;
  readonly user_id: string | null;
  readonly host: string | null;
  readonly created_at: Date;
}

export type NewChannel =
  | { readonly kind: 'webhook'; readonly name: string; readonly url: string }
  | { readonly kind: 'email'; readonly name: string; readonly userId: string };

export type ChannelRefusal = 'not_found' | 'too_many_channels' | 'channel_without_secret';

export const maxChannels = 20;
/** How long messages are signed with the earlier secret, too. */
export const secretOverlapMs = 86_400_000;

/** Whose key seals what belongs to a channel. */
export const channelSubject = (channelId: string): string => `alert-channel-${channelId}`;
const channelStream = (channelId: string): string => `alert-channel:${channelId}`;
const newSecret = (): string => `${secretPrefix}${randomBytes(secretBytes).toString('base64')}`;
const columns = 'channel_id, kind, name, user_id, host, created_at';

const refuse = (code: ChannelRefusal) => new Refusal<ChannelRefusal>(code);

/** Where a tenant's alerts go. Address and secret of a webhook stand in its row, sealed, and in no event. */
export class Channels {
  readonly #store: PostgresEventStore;
  readonly #pool: pg.Pool;
  readonly #subjectKeys: SubjectKeys;

  /** @param pool connections of the request role */
  constructor(store: PostgresEventStore, pool: pg.Pool, subjectKeys: SubjectKeys) {
    this.#store = store;
    this.#pool = pool;
    this.#subjectKeys = subjectKeys;
  }

  list(tenantId: string): Promise<readonly ChannelRow[]> {
    return asTenant(this.#pool, tenantId, async (client) => {
      const text = `select ${columns} from alert_channels where tenant_id = $1 order by channel_id`;
      return (await client.query<ChannelRow>(text, [tenantId])).rows;
    });
  }

  /** Answers the secret, which nothing else ever does. @throws Refusal `too_many_channels`; the name's uniqueness */
  async create(channelId: string, channel: NewChannel, context: CommandContext): Promise<{ secret?: string }> {
    const { tenantId, now } = context;
    const secret = channel.kind === 'webhook' ? newSecret() : undefined;
    const sealed =
      channel.kind === 'webhook' && secret ? await this.#seal(tenantId, channelId, channel.url, secret) : {};
    const userId = channel.kind === 'email' ? channel.userId : undefined;
    const host = channel.kind === 'webhook' ? new URL(channel.url).host : null;
    const { kind, name } = channel;
    const data: AlertChannelCreated = { channelId, kind, name, ...(userId !== undefined && { userId }) };
    // COMMIT POINT: the event and the row.
    await this.#store.together(tenantId, async (log, client) => {
      const { rows } = await client.query<{ n: string }>('select count(*) as n from alert_channels');
      if (Number(rows[0]?.n) >= maxChannels) throw refuse('too_many_channels');
      await client.query(
        `insert into alert_channels (tenant_id, channel_id, kind, name, user_id, host, url, secret, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [tenantId, channelId, kind, name, userId ?? null, host, ...jsonOf(sealed), new Date(now)],
      );
      const event = { type: 'alert_channel.created', version: 1, data };
      await log.append(channelStream(channelId), [event], { expectedRevision: 0, context });
    });
    return secret === undefined ? {} : { secret };
  }

  /** A new secret; messages carry signatures of both for a day. @throws Refusal `not_found`, `channel_without_secret` */
  async rotateSecret(channelId: string, context: CommandContext): Promise<string> {
    const { tenantId, now } = context;
    const secret = newSecret();
    const seal = await this.#subjectKeys.sealerFor(tenantId, channelSubject(channelId));
    const sealed = JSON.stringify(seal('secret', secret));
    await this.#store.together(tenantId, async (log, client) => {
      const { rows } = await client.query<{ kind: string }>(
        'select kind from alert_channels where channel_id = $1 for update',
        [channelId],
      );
      if (!rows[0]) throw refuse('not_found');
      if (rows[0].kind !== 'webhook') throw refuse('channel_without_secret');
      await client.query(
        `update alert_channels set previous_secret = secret, previous_until = $2, secret = $3 where channel_id = $1`,
        [channelId, new Date(now + secretOverlapMs), sealed],
      );
      const { revision } = await log.read(tenantId, channelStream(channelId));
      const event = { type: 'alert_channel.secret_rotated', version: 1, data: { channelId } };
      await log.append(channelStream(channelId), [event], { expectedRevision: revision, context });
    });
    return secret;
  }

  /** Takes the channel and what waits for it away. @throws Refusal `not_found` */
  async remove(channelId: string, context: CommandContext): Promise<void> {
    const { tenantId } = context;
    await this.#store.together(tenantId, async (log, client) => {
      const { rowCount } = await client.query('delete from alert_channels where channel_id = $1', [channelId]);
      if (rowCount === 0) throw refuse('not_found');
      const { revision } = await log.read(tenantId, channelStream(channelId));
      const event = { type: 'alert_channel.removed', version: 1, data: { channelId } };
      await log.append(channelStream(channelId), [event], { expectedRevision: revision, context });
    });
  }

  /** Sends a message that says it is a test; answers its id. @throws Refusal `not_found` */
  async test(tenantId: string, channelId: string, nowMs: number): Promise<string> {
    return asTenant(this.#pool, tenantId, async (client) => {
      const notice = { tenantId, what: 'alert.test', data: { channelId }, nowMs, channelId } as const;
      const [deliveryId] = await enqueueDeliveries(client, notice);
      if (deliveryId === undefined) throw refuse('not_found');
      return deliveryId;
    });
  }

  async #seal(tenantId: string, channelId: string, url: string, secret: string) {
    const seal = await this.#subjectKeys.sealerFor(tenantId, channelSubject(channelId));
    return { url: seal('url', url), secret: seal('secret', secret) };
  }
}

const jsonOf = ({ url, secret }: { url?: SealedField; secret?: SealedField }): (string | null)[] =>
  [url, secret].map((field) => (field ? JSON.stringify(field) : null));
