import { randomUUID } from 'node:crypto';
import { messageCode, type Pepper } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { pendingMs } from './registration-terms.js';

export interface UnownedRegistration {
  readonly requestId: string;
  readonly deviceId: string;
  readonly identityKey: string;
  readonly requestedAt: Date;
}

const columns = `request_id as "requestId", device_id as "deviceId", identity_key as "identityKey",
  requested_at as "requestedAt"`;
/** Beyond this the oldest are forgotten. */
const maxRows = 20_000;

/**
 * Registrations for an owner that does not exist. They are kept for as long as others wait, and answer as those do, so
 * that nobody finds out by asking who is here.
 */
export class UnownedRegistrations {
  constructor(
    private readonly query: Query,
    private readonly pepper: Pepper,
    private readonly maxPending: number,
  ) {}

  /** Whether these keys wait for that owner. */
  async isWaiting(owner: string, identityKey: string, now: number): Promise<boolean> {
    const { rows } = await this.query.query(
      `select from unowned_registrations where owner_code = $1 and identity_key = $2 and requested_at > $3`,
      [this.#code(owner), identityKey, new Date(now - pendingMs)],
    );
    return rows.length > 0;
  }

  /** As many wait for somebody who is not here as for anybody. @throws ProblemError `rate_limited` */
  async refuseFlood(owner: string, now: number): Promise<void> {
    const { rows } = await this.query.query<{ count: string }>(
      'select count(*) from unowned_registrations where owner_code = $1 and requested_at > $2',
      [this.#code(owner), new Date(now - pendingMs)],
    );
    if (Number(rows[0]?.count) >= this.maxPending) throw tooManyPending();
  }

  /** The same keys for the same owner are the same request. */
  async take(owner: string, identityKey: string, now: number): Promise<UnownedRegistration> {
    const { rows } = await this.query.query<UnownedRegistration>(
      `insert into unowned_registrations (request_id, device_id, owner_code, identity_key, requested_at)
       values ($1, $2, $3, $4, $5)
       on conflict (owner_code, identity_key) do update set
         request_id = case when unowned_registrations.requested_at <= $6 then excluded.request_id
           else unowned_registrations.request_id end,
         requested_at = case when unowned_registrations.requested_at <= $6 then excluded.requested_at
           else unowned_registrations.requested_at end
       returning ${columns}`,
      [randomUUID(), randomUUID(), this.#code(owner), identityKey, new Date(now), new Date(now - pendingMs)],
    );
    if (!rows[0]) throw new Error('a registration was not stored');
    return rows[0];
  }

  #code(owner: string): string {
    return messageCode(this.pepper, 'registry.unowned', owner.toLowerCase());
  }

  async find(requestId: string): Promise<UnownedRegistration | undefined> {
    const { rows } = await this.query.query<UnownedRegistration>(
      `select ${columns} from unowned_registrations where request_id = $1`,
      [requestId],
    );
    return rows[0];
  }

  /** @param before what was requested earlier goes, and what is too much of the rest */
  async sweep(before: Date): Promise<void> {
    await this.query.query('delete from unowned_registrations where requested_at < $1', [before]);
    await this.query.query(
      `delete from unowned_registrations where request_id in
         (select request_id from unowned_registrations order by requested_at desc offset ${maxRows})`,
    );
  }
}

export const tooManyPending = (): ProblemError =>
  new ProblemError('rate_limited', 'Too many registrations wait for this owner', { retryAfterSeconds: 3_600 });
