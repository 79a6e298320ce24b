import type pg from 'pg';
import type { PersonalData, Retention } from '../../area.js';
import { destroySubjectKeys, type SubjectKeys } from '../../user/subject-keys.service.js';
import { invitationSubject } from './invitation.js';
import { type InvitationRow, invitationColumns } from './invitation-rows.service.js';
import { viewOfInvitation } from './invitation-view.js';

type Row = InvitationRow & { readonly tenantId: string };

/** Invitations a person accepted, and those that wait for the address the person has. */
const ofPerson = `accepted_by = $1 or email_index = (select p.email_index from people p where p.user_id = $1)`;

const batch = 500;

/**
 * Addresses of people who were invited, whether they ever came or not. An address ends with the key of its invitation:
 * in the row, in the event, and in a letter that was not sent yet. Runs before the person's own row is emptied, by whose
 * address invitations are found that were not accepted.
 */
export class InvitationAddresses {
  readonly #pool: pg.Pool;
  readonly #subjectKeys: SubjectKeys;

  /** @param pool connections of the system role */
  constructor(pool: pg.Pool, subjectKeys: SubjectKeys) {
    this.#pool = pool;
    this.#subjectKeys = subjectKeys;
  }

  readonly personalData: PersonalData = {
    kind: 'invitations',
    read: async (userId) => {
      const { rows } = await this.#pool.query<Row>(
        `select tenant_id as "tenantId", ${invitationColumns} from invitations where ${ofPerson} order by created_at`,
        [userId],
      );
      return Promise.all(rows.map((row) => this.#shown(row)));
    },
    erase: async (userId) => {
      const { rows } = await this.#pool.query<Row>(
        `select tenant_id as "tenantId", ${invitationColumns} from invitations where (${ofPerson}) and email is not null`,
        [userId],
      );
      return this.#forget(rows);
    },
  };

  /** After its end an invitation's address has done its work. */
  readonly retention: Retention = {
    kind: 'invitation_addresses',
    defaultDays: 30,
    sweep: async (before) => {
      for (let forgotten = 0; ; ) {
        const { rows } = await this.#pool.query<Row>(
          `select tenant_id as "tenantId", ${invitationColumns} from invitations
           where email is not null and coalesce(ended_at, expires_at) < $1 order by invitation_id limit ${batch}`,
          [before],
        );
        forgotten += await this.#forget(rows);
        if (rows.length < batch) return forgotten;
      }
    },
  };

  /** First the key: killed in between, the row still names what is to be repeated, and shows nothing any more. */
  async #forget(rows: readonly Row[]): Promise<number> {
    for (const { tenantId, invitationId } of rows) {
      await destroySubjectKeys(this.#pool, invitationSubject(invitationId));
      await this.#pool.query(
        'update invitations set email = null, email_index = null where tenant_id = $1 and invitation_id = $2',
        [tenantId, invitationId],
      );
    }
    return rows.length;
  }

  async #shown(row: Row) {
    const email = row.email && (await this.#subjectKeys.open(this.#pool, row.tenantId, 'email', row.email));
    // Who invited is another person's datum.
    const { invitedBy: _other, ...shown } = viewOfInvitation(row, email ?? undefined, Date.now());
    return { tenantId: row.tenantId, ...shown };
  }
}
