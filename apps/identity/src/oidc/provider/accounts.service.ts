import { tokenAudience } from '@gatehouse/authn';
import type { Account, FindAccount, KoaContextWithOIDC } from 'oidc-provider';
import type { People, Person } from '../../person/people.service.js';
import type { Memberships } from '../../tenancy/memberships.service.js';
import type { SignIns } from '../grant/sign-ins.service.js';
import { type Records, signInKey } from '../record/records.service.js';
import { factsOf, openIdScopes } from './token-claims.service.js';
import { orUnavailable } from './unavailable.js';

export interface AccountsParts {
  readonly people: People;
  readonly signIns: SignIns;
  readonly memberships: Memberships;
  readonly records: Records;
}

type Grant = InstanceType<KoaContextWithOIDC['oidc']['provider']['Grant']>;
type Token = Parameters<FindAccount>[2];

/** People, and what they agreed to before, for the provider. */
export class Accounts {
  readonly #parts: AccountsParts;

  constructor(parts: AccountsParts) {
    this.#parts = parts;
  }

  /** With a token the person must be active; without one, in a browser, the sign-in behind the cookie must go on, too. */
  find(ctx: KoaContextWithOIDC, userId: string, token: Token): Promise<Account | undefined> {
    return orUnavailable(async () => {
      const person = token ? await this.#parts.signIns.activePerson(userId) : (await this.#signIn(ctx, userId))?.person;
      return person && this.#account(person);
    });
  }

  /**
   * The grant of this browser session, or a new one where the client belongs to the tenant itself and the person to the
   * tenant: nobody is asked whether the company may know its own people.
   */
  existingGrant(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
    return orUnavailable(async () => {
      const { oidc } = ctx;
      const clientId = oidc.client?.clientId ?? '';
      const known =
        (oidc.result?.consent as { grantId?: string } | undefined)?.grantId ?? oidc.session?.grantIdFor(clientId);
      const found = known === undefined ? undefined : await oidc.provider.Grant.find(known);
      if (found) return found;
      const client = factsOf(oidc.client);
      return client.skipConsent ? this.#grantAtOnce(ctx, client.tenantId) : undefined;
    });
  }

  async #grantAtOnce(ctx: KoaContextWithOIDC, tenantId: string): Promise<Grant | undefined> {
    const { oidc } = ctx;
    const userId = oidc.account?.accountId ?? '';
    if (!(await this.#parts.memberships.of(tenantId, userId))) return undefined;
    const grant = new oidc.provider.Grant({ accountId: userId, clientId: oidc.client?.clientId ?? '' });
    addScopes(grant, oidc.requestParamScopes, oidc.resourceServers?.[tokenAudience]?.scope ?? '');
    const grantId = await grant.save();
    const signIn = oidc.session?.sidFor(signInKey);
    await this.#parts.records.attach('Grant', grantId, { tenantId, ...(signIn && { signIn }) });
    return grant;
  }

  async #signIn({ oidc }: KoaContextWithOIDC, userId: string) {
    const { session } = oidc;
    const fresh = (oidc.result?.login as { signIn?: string } | undefined)?.signIn;
    if (fresh !== undefined) session?.sidFor(signInKey, fresh);
    const signIn = session?.sidFor(signInKey);
    return signIn === undefined ? undefined : this.#parts.signIns.find(userId, signIn);
  }

  #account(person: Person): Account {
    return {
      accountId: person.userId,
      claims: async () => {
        const { email, name } = await this.#parts.people.profileOf(person);
        return {
          sub: person.userId,
          // Nobody is active whose address was not proved.
          ...(email !== undefined && { email, email_verified: true }),
          ...(name !== undefined && { name }),
        };
      },
    };
  }
}

/** Adds to a grant what was asked for and may be given. */
export function addScopes(grant: Grant, asked: Iterable<string>, apiScope: string): void {
  grant.addOIDCScope([...asked].filter((word) => openIdScopes.has(word)).join(' '));
  if (apiScope !== '') grant.addResourceScope(tokenAudience, apiScope);
}
