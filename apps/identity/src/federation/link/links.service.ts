import { handle, type PostgresEventStore } from '@gatehouse/event-store';
import { newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import { linkDecider, linkStream, removeLink } from './link.js';

export interface StoredLink {
  readonly tenantId: string;
  readonly idpId: string;
  readonly subjectIndex: string;
  readonly userId: string;
  readonly linkedAt: Date;
}

const columns = `tenant_id as "tenantId", idp_id as "idpId", subject_index as "subjectIndex", user_id as "userId",
  linked_at as "linkedAt"`;

/** Looks links up across tenants, on connections of the system role: whoever calls it has decided that it may be known. */
export class Links {
  constructor(
    private readonly pool: pg.Pool,
    private readonly store: PostgresEventStore,
  ) {}

  async bySubject(idpId: string, subjectIndex: string): Promise<StoredLink | undefined> {
    return (await this.#select('idp_id = $1 and subject_index = $2', [idpId, subjectIndex]))[0];
  }

  ofUser(userId: string, idpId?: string): Promise<readonly StoredLink[]> {
    return this.#select('user_id = $1 and ($2::uuid is null or idp_id = $2)', [userId, idpId ?? null]);
  }

  /** Ends links of a person: at one provider, or at all. One transaction each; safe to repeat. Answers how many. */
  async remove(links: readonly StoredLink[], actor: { readonly type: string; readonly id: string }): Promise<number> {
    for (const { tenantId, idpId, subjectIndex, userId } of links)
      await handle(this.store, linkDecider, {
        streamId: linkStream(idpId, subjectIndex),
        context: { tenantId, actor, now: Date.now(), correlationId: newTraceContext().traceId },
        decide: (state) => removeLink({ idpId, userId, subjectIndex }, state),
      });
    return links.length;
  }

  async #select(where: string, values: readonly unknown[]): Promise<readonly StoredLink[]> {
    const text = `select ${columns} from idp_links where ${where} order by idp_id limit 1000`;
    return (await this.pool.query<StoredLink>(text, [...values])).rows;
  }
}
