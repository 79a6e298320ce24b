import { uuidv7 } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';
import type { SubjectKeys } from '../user/subject-keys.service.js';

export interface OutgoingMail {
  /** Where the key is that seals the letter: the home tenant of a person, the tenant of an invitation. */
  readonly tenantId: string;
  /** Whose key seals it, so that an erasure reaches letters that were not sent yet. */
  readonly subject: string;
  readonly to: string;
  readonly title: string;
  /** Plain text. Links and codes stand here, so it is sealed like the address. */
  readonly text: string;
}

/**
 * Letters that wait to be sent. Written in the transaction of the event that they tell of, so that there is never one
 * without the other; sent afterwards, as often as it takes.
 */
export class Mailbox {
  readonly #subjectKeys: SubjectKeys;

  constructor(subjectKeys: SubjectKeys) {
    this.#subjectKeys = subjectKeys;
  }

  /** Seals a letter. Before the transaction: making a person's key is one of its own. */
  async seal(mail: OutgoingMail, nowMs: number): Promise<SealedMail> {
    const { tenantId, subject, to, title, text } = mail;
    const seal = await this.#subjectKeys.sealerFor(tenantId, subject);
    const letter = seal('letter', JSON.stringify({ to, title, text }));
    return { id: uuidv7(nowMs), tenantId, subject, letter, now: new Date(nowMs) };
  }

  /** @param query inside the transaction of the event, as the mail's tenant */
  async enqueue(query: Pick<Query, 'query'>, { id, tenantId, subject, letter, now }: SealedMail): Promise<void> {
    await query.query(
      `insert into mail_queue (id, tenant_id, subject, letter, created_at, next_try_at) values ($1, $2, $3, $4, $5, $5)`,
      [id, tenantId, subject, JSON.stringify(letter), now],
    );
  }
}

export interface SealedMail {
  readonly id: string;
  readonly tenantId: string;
  readonly subject: string;
  readonly letter: object;
  readonly now: Date;
}
