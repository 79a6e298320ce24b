import type pg from 'pg';
import type { PersonalData } from '../area.js';
import type { Account } from './account.service.js';

/** What accounts hold on a person beside events. */
export function accountData(system: pg.Pool, { sessions }: Account): readonly PersonalData[] {
  const erase = (table: string) => async (userId: string) =>
    (await system.query(`delete from ${table} where user_id = $1`, [userId])).rowCount ?? 0;
  const read = (table: string, columns: string) => async (userId: string) =>
    (await system.query<Record<string, unknown>>(`select ${columns} from ${table} where user_id = $1`, [userId])).rows;
  return [
    {
      kind: 'sessions',
      read: async (userId) => (await sessions.list(userId)).map(plain),
      erase: erase('session_secrets'),
    },
    { kind: 'passwords', read: read('password_hashes', 'changed_at'), erase: erase('password_hashes') },
    { kind: 'sign_in_challenges', read: read('sign_in_challenges', 'expires_at'), erase: erase('sign_in_challenges') },
    { kind: 'password_links', read: read('account_links', 'created_at, expires_at'), erase: erase('account_links') },
    { kind: 'known_networks', read: read('known_places', 'last_at'), erase: erase('known_places') },
    {
      kind: 'sign_in_failures',
      read: read('sign_in_failures', 'reason, count, first_at, last_at'),
      erase: erase('sign_in_failures'),
    },
    { kind: 'registrations', read: read('registrations', 'created_at, expires_at'), erase: erase('registrations') },
  ];
}

const plain = (session: object): Readonly<Record<string, unknown>> => ({ ...session });
