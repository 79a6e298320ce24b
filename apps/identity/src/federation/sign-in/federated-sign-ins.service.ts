import { randomBytes } from 'node:crypto';
import { constantTimeEqual, type Pepper, uuidv7 } from '@gatehouse/crypto';
import { newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { Account } from '../../account/account.service.js';
import type { SignInResult } from '../../account/sign-in/sign-ins.service.js';
import type { Mailbox } from '../../mail/mailbox.service.js';
import { isEmailTaken } from '../../person/people.projection.js';
import { type People, type Person, personalTenantId } from '../../person/people.service.js';
import type { Memberships } from '../../tenancy/memberships.service.js';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import type { FederationRequests } from '../approval/requests.service.js';
import { refusal } from '../federation-refusals.js';
import type { CodeExchange } from '../issuer/code-exchange.service.js';
import { subjectIndexOf } from '../link/link.js';
import type { Links } from '../link/links.service.js';
import { federationActor } from '../member/federated-members.projection.js';
import type { Providers, StoredProvider } from '../provider/providers.service.js';
import type { Establish } from './establish.service.js';
import { type ForeignIdentity, readIdentity } from './identity.js';
import { confirmationLetter } from './sign-in-letter.js';
import type { SignInRow, SignInRows } from './sign-in-rows.service.js';
import { checksOf, newSignInSecret } from './sign-in-secret.js';

export interface FederatedSignInsOptions {
  readonly providers: Providers;
  readonly exchange: CodeExchange;
  readonly rows: SignInRows;
  readonly links: Links;
  readonly requests: FederationRequests;
  readonly establish: Establish;
  readonly people: People;
  readonly memberships: Memberships;
  readonly account: Account;
  readonly subjectKeys: SubjectKeys;
  readonly mailbox: Mailbox;
  readonly pepper: Pepper;
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  /** Whether an issuer's word on an address counts outside of the tenant that configured it. */
  readonly vouches: (provider: StoredProvider) => boolean;
  readonly enqueue: (mail: Awaited<ReturnType<Mailbox['seal']>>) => Promise<void>;
  /** Told why nobody was let in; the browser is not. */
  readonly onRefused: (reason: string, provider: StoredProvider, cause?: unknown) => void;
}

/** What the page learns, as `?federation=...`: it asks to finish, to enter a code, or says why not. */
export type Outcome = 'done' | 'confirm' | 'waiting' | 'refused';

interface Arrival {
  readonly secret: string;
  readonly provider: StoredProvider;
  readonly identity: ForeignIdentity;
  readonly subjectIndex: string;
  readonly now: number;
}

/** RFC 8176 words for more than one proof, or a proof that needs the person at the device. */
const strong: ReadonlySet<string> = new Set(['mfa', 'otp', 'hwk']);

/**
 * Sign-in by somebody else's provider, from the first address to the session. One browser does all of it: each step needs
 * the secret of its cookie, so neither an answer of the issuer nor a mailed code is of use to anybody who intercepts it.
 */
export class FederatedSignIns {
  readonly #options: FederatedSignInsOptions;

  constructor(options: FederatedSignInsOptions) {
    this.#options = options;
  }

  /** Where to send the browser, and the secret for its cookie. @throws Refusal `idp_discovery_failed`, `federation_busy` */
  async start(provider: StoredProvider, returnPath: string, now: number) {
    const { exchange, rows } = this.#options;
    const secret = newSignInSecret();
    const location = await exchange.location(provider, checksOf(secret), now);
    await rows.insert(secret, { tenantId: provider.tenantId, idpId: provider.config.idpId, returnPath }, now);
    return { location, secret };
  }

  /** @throws Refusal `federation_sign_in_invalid` where no sign-in of this browser waits for this provider */
  async callback(secret: string, idpId: string, query: string, now: number) {
    const { rows, providers, onRefused } = this.#options;
    const row = await rows.take(secret, idpId, now);
    if (!row) throw refusal('federation_sign_in_invalid');
    const provider = await providers.byId(idpId);
    if (!provider) throw refusal('federation_sign_in_invalid');
    const outcome = await this.#arrive(secret, provider, query, now).catch((cause: unknown): Outcome => {
      onRefused('answer_refused', provider, cause);
      return 'refused';
    });
    if (outcome === 'refused' || outcome === 'waiting') await rows.forget(secret);
    return { returnPath: row.returnPath, outcome };
  }

  /** The code from the letter, in the browser that asked for it. @throws Refusal `federation_sign_in_invalid` */
  async confirm(secret: string, code: string, now: number): Promise<void> {
    const { rows, people, establish } = this.#options;
    const row = await rows.attempt(secret, now);
    if (!row?.mailHash || !constantTimeEqual(row.mailHash, rows.hash(code)))
      throw refusal('federation_sign_in_invalid');
    const arrival = await this.#resume(secret, row, now);
    const userId = row.userId ?? '';
    const person = await people.byId(userId);
    if (person && person.status !== 'active') throw refusal('federation_refused');
    if (!person) await this.#makePerson(establish, userId, arrival);
    if ((await this.#prove(arrival, userId)) !== 'done') throw refusal('federation_refused');
  }

  /** The same by the account's owner, who has signed in here: no letter is needed. @throws Refusal as {@link confirm} */
  async link(secret: string, callerId: string, now: number): Promise<void> {
    const row = await this.#options.rows.attempt(secret, now);
    if (!row || row.userId !== callerId) throw refusal('federation_sign_in_invalid');
    const outcome = await this.#prove(await this.#resume(secret, row, now), callerId);
    if (outcome !== 'done') throw refusal('federation_refused');
  }

  /** The session, once. @throws Refusal `federation_sign_in_invalid`, `federation_refused` */
  async finish(secret: string, place: { readonly ip: string; readonly userAgent?: string }, now: number) {
    const { rows, people, links, memberships, account, providers, vouches } = this.#options;
    const row = await rows.use(secret, now);
    const { userId, subjectIndex, tenantId, idpId, methods } = row ?? {};
    if (!userId || !subjectIndex || !tenantId || !idpId) throw refusal('federation_sign_in_invalid');
    const [person, link] = await Promise.all([people.byId(userId), links.bySubject(idpId, subjectIndex)]);
    if (person?.status !== 'active' || link?.userId !== userId) throw refusal('federation_refused');
    if (!(await memberships.of(tenantId, userId))) throw refusal('federation_refused');
    const provider = await providers.byId(idpId);
    if (!provider) throw refusal('federation_refused');
    const signIn = { ...place, tenantId, tenantFixed: !vouches(provider), now };
    const result: SignInResult = await account.signIns.begin(person, methods ?? ['fed'], signIn);
    // Where the tenant asks for a second factor and the person has none, whoever runs the provider could enrol one of
    // their own and so get hold of the whole account: the person signs in here first.
    if (result.status === 'challenged' && result.factors.length === 0 && signIn.tenantFixed)
      throw refusal('federation_refused');
    return result;
  }

  async #arrive(secret: string, provider: StoredProvider, query: string, now: number): Promise<Outcome> {
    const { exchange, pepper } = this.#options;
    const claims = await exchange.claims(provider, query, checksOf(secret), now);
    const identity = readIdentity(claims, provider.config);
    if (typeof identity === 'string') return this.#refuse(provider, identity);
    const subjectIndex = subjectIndexOf(pepper, provider.config.issuer, identity.subject);
    return this.#recognise({ secret, provider, identity, subjectIndex, now });
  }

  /** By the link first; by the address only after its owner agreed; else somebody new. */
  async #recognise(arrival: Arrival): Promise<Outcome> {
    const { links, people } = this.#options;
    const { provider, identity, subjectIndex } = arrival;
    const link = await links.bySubject(provider.config.idpId, subjectIndex);
    if (link) {
      const known = await people.byId(link.userId);
      return known?.status === 'active'
        ? this.#prove(arrival, known.userId)
        : this.#refuse(provider, 'person_inactive');
    }
    const owner = await people.byEmail(identity.email);
    return owner ? this.#askOwner(arrival, owner) : this.#newcomer(arrival);
  }

  async #askOwner(arrival: Arrival, owner: Person): Promise<Outcome> {
    const { provider } = arrival;
    if (owner.status !== 'active') return this.#refuse(provider, 'person_inactive');
    // The provider gave the address to somebody else: whoever reads its mail now is not who was linked then.
    const others = await this.#options.links.ofUser(owner.userId, provider.config.idpId);
    if (others.length > 0) return this.#refuse(provider, 'linked_to_another_subject');
    return this.#askToConfirm(arrival, owner.userId, true);
  }

  async #newcomer(arrival: Arrival): Promise<Outcome> {
    const { requests, vouches, establish } = this.#options;
    const { provider, identity, subjectIndex, now } = arrival;
    const { config, tenantId } = provider;
    if (identity.role === undefined) return this.#refuse(provider, 'no_role');
    const request = await requests.bySubject(config.idpId, subjectIndex);
    if (request?.status === 'rejected') return this.#refuse(provider, 'rejected');
    if (request?.status === 'pending') return 'waiting';
    const userId = request?.userId ?? uuidv7(now);
    if (config.requireApproval && !request) {
      const context = { tenantId, actor: federationActor, now, correlationId: newTraceContext().traceId };
      await requests.enter({ userId, idpId: config.idpId, subjectIndex }, identity.email, context);
      return 'waiting';
    }
    if (!vouches(provider)) return this.#askToConfirm(arrival, userId, false);
    await this.#makePerson(establish, userId, arrival);
    return this.#prove(arrival, userId);
  }

  async #makePerson(establish: Establish, userId: string, { identity, now }: Arrival): Promise<void> {
    await establish.person(userId, identity, now).catch((error: unknown) => {
      // Somebody else registered the address meanwhile.
      throw isEmailTaken(error) ? refusal('federation_refused', error) : error;
    });
  }

  /** The person is known: link and membership are stored, and this browser may finish. */
  async #prove(arrival: Arrival, userId: string): Promise<Outcome> {
    const { establish, rows } = this.#options;
    const { secret, provider, identity, subjectIndex, now } = arrival;
    const isMember = await establish.membership(provider, { userId, subjectIndex }, identity, now);
    if (!isMember) return this.#refuse(provider, 'not_a_member');
    await rows.settle(secret, { status: 'proved', userId, subjectIndex, methods: this.#methodsOf(arrival) });
    return 'done';
  }

  async #askToConfirm(arrival: Arrival, userId: string, hasAccount: boolean): Promise<Outcome> {
    const { rows, subjectKeys, memberships, mailbox, enqueue, account } = this.#options;
    const { secret, provider, identity, subjectIndex, now } = arrival;
    const { tenantId, config } = provider;
    const { throttle } = account;
    if ((await throttle.tryTake([throttle.counted('letters', identity.email)], now)) > 0)
      return this.#refuse(provider, 'too_many_letters');
    const code = randomBytes(16).toString('base64url');
    const seal = await subjectKeys.sealerFor(tenantId, userId);
    const names = { tenant: (await memberships.nameOf(tenantId)) ?? tenantId, provider: config.name };
    const letter = confirmationLetter(names, code, hasAccount);
    const home = hasAccount ? tenantId : personalTenantId(userId);
    const mail = await mailbox.seal({ tenantId: home, subject: userId, to: identity.email, ...letter }, now);
    await rows.settle(secret, {
      status: 'confirm',
      userId,
      subjectIndex,
      methods: this.#methodsOf(arrival),
      identity: seal('identity', JSON.stringify(identity)),
      mailToken: code,
    });
    await enqueue(mail);
    return 'confirm';
  }

  /** What the issuer said when the sign-in was stopped to be confirmed, if the provider is still there. */
  async #resume(secret: string, row: SignInRow, now: number): Promise<Arrival> {
    const { providers, subjectKeys } = this.#options;
    const provider = await providers.byId(row.idpId);
    const text = row.identity && (await subjectKeys.open(this.#options.pool, row.tenantId, 'identity', row.identity));
    if (!provider || !text || row.subjectIndex === null) throw refusal('federation_sign_in_invalid');
    return { secret, provider, identity: JSON.parse(text) as ForeignIdentity, subjectIndex: row.subjectIndex, now };
  }

  /**
   * `fed`, and `mfa` where a provider that is believed everywhere says that it took more than one proof. Of any other it
   * says nothing: a tenant's own provider must not stand for the second factor of somebody's whole account.
   */
  #methodsOf({ provider, identity }: Arrival): readonly string[] {
    const isStrong = this.#options.vouches(provider) && identity.methods.some((method) => strong.has(method));
    return isStrong ? ['fed', 'mfa'] : ['fed'];
  }

  #refuse(provider: StoredProvider, reason: string): Outcome {
    this.#options.onRefused(reason, provider);
    return 'refused';
  }
}
