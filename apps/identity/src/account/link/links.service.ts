import { randomBytes } from 'node:crypto';
import { keyFingerprint, type Pepper } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';
import type pg from 'pg';
import type { Person } from '../../person/people.service.js';

type Client = Pick<Query, 'query'>;

const lifetimeMs = 30 * 60_000;
const keptAtOnce = 3;
const pattern = /^gln_[A-Za-z0-9_-]{43}$/;

/** A token for a letter: shown there and nowhere else. */
export const newLinkToken = (): string => `gln_${randomBytes(32).toString('base64url')}`;

export const isLinkToken = (text: string): boolean => pattern.test(text);

export interface Link {
  readonly userId: string;
  readonly homeTenantId: string;
}

/** Mailed links that set a password: half an hour, once, the last three of a person. */
export class Links {
  readonly #system: pg.Pool;
  readonly #pepper: Pepper;

  constructor(system: pg.Pool, pepper: Pepper) {
    this.#system = system;
    this.#pepper = pepper;
  }

  hash(token: string): Buffer {
    return keyFingerprint(this.#pepper, token);
  }

  /** In the transaction that puts the letter into the queue, as the person's home tenant. */
  async insert(client: Client, { userId, homeTenantId }: Person, token: string, now: number): Promise<void> {
    await client.query(
      `insert into account_links (tenant_id, token_hash, user_id, created_at, expires_at) values ($1, $2, $3, $4, $5)`,
      [homeTenantId, this.hash(token), userId, new Date(now), new Date(now + lifetimeMs)],
    );
    await client.query(
      `delete from account_links where user_id = $1 and token_hash not in (
         select token_hash from account_links where user_id = $1 order by created_at desc limit $2)`,
      [userId, keptAtOnce],
    );
  }

  async find(token: string, now: number): Promise<Link | undefined> {
    if (!isLinkToken(token)) return undefined;
    const { rows } = await this.#system.query<{ user_id: string; tenant_id: string }>(
      'select user_id, tenant_id from account_links where token_hash = $1 and expires_at > $2',
      [this.hash(token), new Date(now)],
    );
    return rows[0] && { userId: rows[0].user_id, homeTenantId: rows[0].tenant_id };
  }

  /** Uses it up, and with it all others of the person. Answers whether it was there: of two callers, to one. */
  async use(client: Client, { userId }: Link, token: string): Promise<boolean> {
    const { rowCount } = await client.query('delete from account_links where token_hash = $1', [this.hash(token)]);
    if (rowCount !== 1) return false;
    await client.query('delete from account_links where user_id = $1', [userId]);
    return true;
  }

  async deleteExpired(now: number): Promise<void> {
    await this.#system.query('delete from account_links where expires_at <= $1', [new Date(now)]);
  }
}
