import type { SealedField } from '@gatehouse/contracts';
import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import type pg from 'pg';
import { answering } from '../../problems.js';
import { destroySubjectKeys, type SubjectKeys } from '../../user/subject-keys.service.js';
import { refusal } from '../federation-refusals.js';
import { decideRequest, requestDecider, requestEntry, requestStream } from './request.js';

export interface StoredRequest {
  readonly tenantId: string;
  readonly userId: string;
  readonly idpId: string;
  readonly subjectIndex: string;
  readonly status: 'pending' | 'approved' | 'rejected';
  readonly email: SealedField | null;
  readonly requestedAt: Date;
}

const columns = `tenant_id as "tenantId", user_id as "userId", idp_id as "idpId", subject_index as "subjectIndex", status,
  email, requested_at as "requestedAt"`;

/** How many may wait in a tenant: whoever has a provider of its own could make any number of people up. */
const maxPending = 1_000;

/** People who signed in elsewhere for the first time and wait for a yes. */
export class FederationRequests {
  constructor(
    private readonly pool: pg.Pool,
    private readonly store: PostgresEventStore,
    private readonly subjectKeys: SubjectKeys,
  ) {}

  async bySubject(idpId: string, subjectIndex: string): Promise<StoredRequest | undefined> {
    return (await this.#select('idp_id = $1 and subject_index = $2', [idpId, subjectIndex], 1))[0];
  }

  /** Stores that somebody waits. A second sign-in at the same moment finds the first one's entry. */
  async enter(
    request: Pick<StoredRequest, 'userId' | 'idpId' | 'subjectIndex'>,
    email: string,
    context: CommandContext,
  ) {
    const { userId, idpId, subjectIndex } = request;
    const seal = await this.subjectKeys.sealerFor(context.tenantId, userId);
    const events = requestEntry({ idpId, userId, subjectIndex }, seal('email', email));
    await answering(() =>
      this.store.together(context.tenantId, async (log, client) => {
        const { rows } = await client.query<{ waiting: number }>(
          `select count(*)::int as waiting from federation_requests where status = 'pending'`,
        );
        if ((rows[0]?.waiting ?? 0) >= maxPending) throw refusal('federation_busy');
        await handle(log, requestDecider, { streamId: requestStream(userId), context, decide: () => events });
      }),
    );
  }

  /** Says yes or no. After a no the address is gone for ever, and the refusal stays. */
  async decide(userId: string, answer: 'approved' | 'rejected', context: CommandContext): Promise<void> {
    await answering(() =>
      handle(this.store, requestDecider, {
        streamId: requestStream(userId),
        context,
        decide: (state) => decideRequest(answer, state),
      }),
    );
    if (answer === 'rejected') await destroySubjectKeys(this.pool, userId);
  }

  async list(tenantId: string, status: StoredRequest['status'], after: string | undefined, limit: number) {
    const where = 'tenant_id = $1 and status = $2 and ($3::uuid is null or user_id > $3)';
    const rows = await this.#select(where, [tenantId, status, after ?? null], limit);
    return Promise.all(rows.map(async (row) => ({ ...row, email: await this.#open(row) })));
  }

  async #open({ tenantId, email }: StoredRequest): Promise<string | undefined> {
    return email ? this.subjectKeys.open(this.pool, tenantId, 'email', email) : undefined;
  }

  async #select(where: string, values: readonly unknown[], limit: number): Promise<readonly StoredRequest[]> {
    const text = `select ${columns} from federation_requests where ${where} order by user_id limit ${limit}`;
    return (await this.pool.query<StoredRequest>(text, [...values])).rows;
  }
}
