import type { Principal } from '@gatehouse/authn';
import { ProblemError } from '@gatehouse/http';
import type { Membership, Memberships } from '../../tenancy/memberships.service.js';
import { choosesTenant } from '../client/built-in-client.js';
import type { ClientFacts } from '../client/client.js';
import { hasSecondFactor, type SignIn, type SignIns } from './sign-ins.service.js';

/** The person in front of our pages, and the tenants that person may let a client into. */
export class PersonAtPage {
  constructor(
    private readonly signIns: SignIns,
    private readonly memberships: Memberships,
  ) {}

  /**
   * The sign-in behind a call. Keys, tokens of clients and services are nobody who sits in front of a page: what a
   * program holds must not widen what it holds.
   *
   * @throws ProblemError `forbidden`
   */
  async require(caller: Principal): Promise<SignIn> {
    const { type, id, sessionId, keyId, scopes } = caller;
    const signIn =
      type === 'user' && sessionId !== undefined && keyId === undefined && scopes === undefined
        ? await this.signIns.find(id, sessionId)
        : undefined;
    if (!signIn) throw new ProblemError('forbidden', 'This needs a person who signed in here');
    return signIn;
  }

  /** The tenants among which the person chooses: the client's own, or all that the person is a member of. */
  async choices(client: ClientFacts, userId: string): Promise<readonly Membership[]> {
    if (choosesTenant(client)) return this.memberships.tenantsOf(userId, { limit: 100 });
    const own = await this.memberships.of(client.tenantId, userId);
    return own ? [own] : [];
  }

  /** @throws ProblemError `not_a_member`, `tenant_choice_needed`, `tenant_needs_second_factor` */
  async chosen(
    client: ClientFacts,
    userId: string,
    methods: readonly string[],
    tenantId?: string,
  ): Promise<Membership> {
    const wanted = choosesTenant(client) ? tenantId : client.tenantId;
    if (wanted === undefined) throw new ProblemError('tenant_choice_needed');
    const membership =
      tenantId === undefined || tenantId === wanted ? await this.memberships.of(wanted, userId) : undefined;
    if (!membership) throw new ProblemError('not_a_member');
    if (membership.requireSecondFactor && !hasSecondFactor(methods))
      throw new ProblemError('tenant_needs_second_factor');
    return membership;
  }
}
