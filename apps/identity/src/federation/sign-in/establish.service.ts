import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import { newTraceContext } from '@gatehouse/telemetry';
import { personalTenantId } from '../../person/people.service.js';
import { answering } from '../../problems.js';
import { createPersonalWorkspace } from '../../tenancy/organization/new-tenant.service.js';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import { userDecider, userStream } from '../../user/user.js';
import { refusal } from '../federation-refusals.js';
import { addLink, linkDecider, linkStream } from '../link/link.js';
import { federationActor } from '../member/federated-members.projection.js';
import { followGroups } from '../member/follow-groups.service.js';
import type { StoredProvider } from '../provider/providers.service.js';
import type { ForeignIdentity } from './identity.js';

/** The writes of a sign-in: a person that was not there, the link, the membership. */
export class Establish {
  constructor(
    private readonly store: PostgresEventStore,
    private readonly subjectKeys: SubjectKeys,
  ) {}

  /** COMMIT POINT of a new person: event and workspace. Killed before the link, the next sign-in asks to confirm it. */
  async person(userId: string, { email, name }: Pick<ForeignIdentity, 'email' | 'name'>, now: number): Promise<void> {
    const tenantId = personalTenantId(userId);
    const seal = await this.subjectKeys.sealerFor(tenantId, userId);
    const sealed = { email: seal('email', email), ...(name !== undefined && { name: seal('name', name) }) };
    const context = contextOf(tenantId, now, { type: 'user', id: userId });
    await this.store.together(tenantId, async (log) => {
      const { events } = await handle(log, userDecider, {
        streamId: userStream(userId),
        context,
        decide: ({ status }) =>
          status === 'none'
            ? [{ type: 'user.registered', version: 1, data: { userId, via: 'federation' }, sealed }]
            : [],
      });
      if (events.length > 0) await createPersonalWorkspace(log, context, { userId });
    });
  }

  /**
   * COMMIT POINT of a sign-in's effects in the tenant: the link if it is new, and the membership as the groups say.
   * Answers whether the person is a member now.
   *
   * @throws Refusal `federation_refused` when the provider is gone, or either side is linked to somebody else
   */
  async membership(
    { tenantId, config }: StoredProvider,
    link: { readonly userId: string; readonly subjectIndex: string },
    identity: Pick<ForeignIdentity, 'role'>,
    now: number,
  ): Promise<boolean> {
    const { idpId, endMembership = false } = config;
    const { userId, subjectIndex } = link;
    const context = contextOf(tenantId, now, federationActor);
    return answering(() =>
      this.store.together(tenantId, async (log, client) => {
        const { rowCount } = await client.query('select from idps where idp_id = $1 for share', [idpId]);
        if (rowCount !== 1) throw refusal('federation_refused');
        await handle(log, linkDecider, {
          streamId: linkStream(idpId, subjectIndex),
          context,
          decide: (state) => addLink({ idpId, userId, subjectIndex }, state),
        });
        return followGroups({ log, client, context }, { userId, role: identity.role, endMembership });
      }),
    );
  }
}

const contextOf = (tenantId: string, now: number, actor: CommandContext['actor']): CommandContext => ({
  tenantId,
  actor,
  now,
  correlationId: newTraceContext().traceId,
});
