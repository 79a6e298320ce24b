import type { SealedField } from '@gatehouse/contracts';
import { inTransaction } from '@gatehouse/event-store';
import type pg from 'pg';
import type { Mailbox } from '../../mail/mailbox.service.js';
import type { People } from '../../person/people.service.js';
import type { Memberships } from '../../tenancy/memberships.service.js';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import { signWebhook } from '../channel/webhook-signature.js';
import { deliveryPeriodMs, retryDelayMs } from './backoff.js';
import { letterOf } from './letter.js';
import { type PostOptions, postWebhook } from './post-webhook.service.js';

interface DueRow {
  readonly tenant_id: string;
  readonly delivery_id: string;
  readonly body: string;
  readonly tries: number;
  readonly created_at: Date;
  readonly kind: 'webhook' | 'email';
  readonly user_id: string | null;
  readonly url: SealedField | null;
  readonly secret: SealedField | null;
  readonly previous_secret: SealedField | null;
  readonly previous_until: Date | null;
}

export interface DeliverOptions extends PostOptions {
  /** Connections of the system role. */
  readonly system: pg.Pool;
  readonly subjectKeys: SubjectKeys;
  readonly people: People;
  readonly memberships: Memberships;
  readonly mailbox: Mailbox;
  readonly firstRetryMs: number;
}

/** Gone for good: trying again would change nothing. */
const finalProblems: ReadonlySet<string> = new Set(['status_410', 'recipient_gone', 'channel_unreadable']);
const maxAtOnce = 16;
/** Longer than any try: a replica that takes over sends nothing that is being sent. */
const leaseMs = 30_000;

/** Takes what is due off the queue and sends it. */
export class Deliver {
  readonly #options: DeliverOptions;

  constructor(options: DeliverOptions) {
    this.#options = options;
  }

  /** One round; answers how many messages it tried. One a channel at a time, so that a slow one delays only itself. */
  async round(nowMs: number): Promise<number> {
    const { rows } = await this.#options.system.query<DueRow>(
      `with due as (
         select distinct on (channel_id) delivery_id, next_try_at from alert_deliveries
         where status = 'waiting' and next_try_at <= $1 order by channel_id, next_try_at),
       taken as (
         update alert_deliveries d set tries = tries + 1, next_try_at = $2
         where delivery_id in (select delivery_id from due order by next_try_at limit ${maxAtOnce})
           and status = 'waiting' and d.next_try_at <= $1
         returning d.*)
       select t.tenant_id, delivery_id, body, tries, t.created_at, c.kind, user_id, url, secret, previous_secret,
         previous_until from taken t join alert_channels c using (channel_id)`,
      [new Date(nowMs), new Date(nowMs + leaseMs)],
    );
    await Promise.all(rows.map((row) => this.#deliver(row)));
    return rows.length;
  }

  /** A crash after the receiver took a message and before this is stored sends it again, under the same id. */
  async #deliver(row: DueRow): Promise<void> {
    if (row.kind === 'email') return this.#write(row);
    const problem = await this.#post(row);
    if (problem === undefined) await this.#sent(this.#options.system, row);
    else await this.#failed(row, problem);
  }

  async #post(row: DueRow): Promise<string | undefined> {
    const url = await this.#open(row, 'url', row.url);
    const secret = await this.#open(row, 'secret', row.secret);
    if (url === undefined || secret === undefined) return 'channel_unreadable';
    const isOverlap = row.previous_until !== null && row.previous_until.getTime() > Date.now();
    const previous = isOverlap ? await this.#open(row, 'secret', row.previous_secret) : undefined;
    const secrets = previous === undefined ? [secret] : [secret, previous];
    const headers = signWebhook(secrets, row.delivery_id, row.body, Date.now());
    return postWebhook(new URL(url), { ...headers }, row.body, this.#options);
  }

  /** A letter is handed to the mailbox, which has a queue of its own: both rows change in one transaction. */
  async #write(row: DueRow): Promise<void> {
    const { people, memberships, mailbox, system } = this.#options;
    const person = row.user_id === null ? undefined : await people.byId(row.user_id);
    const isMember = person?.status === 'active' && (await memberships.roleOf(row.tenant_id, person.userId));
    const { email } = person && isMember ? await people.profileOf(person) : {};
    if (!person || email === undefined) return this.#failed(row, 'recipient_gone');
    const mail = { tenantId: person.homeTenantId, subject: person.userId, to: email, ...letterOf(row.body) };
    const sealed = await mailbox.seal(mail, Date.now());
    await inTransaction(system, async (client) => {
      await mailbox.enqueue(client, sealed);
      await this.#sent(client, row);
    });
  }

  #open({ tenant_id }: DueRow, field: string, sealed: SealedField | null): Promise<string | undefined> {
    if (!sealed) return Promise.resolve(undefined);
    return this.#options.subjectKeys.open(this.#options.system, tenant_id, field, sealed);
  }

  async #sent(client: Pick<pg.ClientBase, 'query'> | pg.Pool, { delivery_id }: DueRow): Promise<void> {
    const text = `update alert_deliveries set status = 'sent', sent_at = $2, problem = null where delivery_id = $1`;
    await (client as pg.Pool).query(text, [delivery_id, new Date()]);
  }

  async #failed({ delivery_id, tries, created_at }: DueRow, problem: string): Promise<void> {
    const nextMs = Date.now() + retryDelayMs(tries, this.#options.firstRetryMs, Math.random());
    const isOver = finalProblems.has(problem) || nextMs > created_at.getTime() + deliveryPeriodMs;
    await this.#options.system.query(
      'update alert_deliveries set status = $2, problem = $3, next_try_at = $4 where delivery_id = $1',
      [delivery_id, isOver ? 'parked' : 'waiting', problem, new Date(nextMs)],
    );
  }
}
