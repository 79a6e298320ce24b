import { type Pepper, uuidv7 } from '@gatehouse/crypto';
import { type CommandContext, type EventStore, handle, type PostgresEventStore } from '@gatehouse/event-store';
import { newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { People, Person } from '../../person/people.service.js';
import type { Memberships } from '../../tenancy/memberships.service.js';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import { refuse } from '../account-refusal.js';
import type { AccessTokens } from './access-tokens.service.js';
import { isRefreshToken, judgeRefresh, newRefreshToken, newSalt, successorOf } from './refresh-token.js';
import { type EndReason, endSession, sessionDecider, sessionStream, startSession } from './session.js';
import type { OpenSession, SessionRows } from './session-rows.service.js';
import { chooseTenant } from './session-tenants.service.js';

const dayMs = 86_400_000;
/** Open sessions of one person: the next one ends the oldest. */
const maxSessions = 50;

export interface SessionsOptions {
  readonly store: PostgresEventStore;
  readonly rows: SessionRows;
  readonly people: People;
  readonly subjectKeys: SubjectKeys;
  readonly tokens: AccessTokens;
  readonly memberships: Memberships;
  readonly pepper: Pepper;
  readonly lifetimeDays: number;
  readonly idleDays: number;
}

/** Where a request came from, as far as a session keeps it: sealed under the person's key. */
export interface Place {
  readonly ip: string;
  readonly userAgent?: string;
}

export interface StartSession extends Place {
  readonly person: Person;
  /** The tenant its tokens act in; the person's home unless given. */
  readonly tenantId?: string;
  /**
   * The proof is worth something in this tenant only: no other can be chosen with its tokens, and nothing of the person's
   * own account be changed. For a provider that the tenant trusts and the installation does not.
   */
  readonly tenantFixed?: boolean;
  /** RFC 8176 words: `pwd`, `otp`, `hwk`, `fed`, `rec`, `mfa`. */
  readonly methods: readonly string[];
  readonly clientId?: string;
  /** Unix time in milliseconds. */
  readonly now: number;
  readonly traceId?: string;
  /**
   * Runs in the transaction of the session, and throws to prevent it: what the sign-in rests on must still be true at
   * the commit. A password that was reset meanwhile starts nothing.
   */
  readonly guard?: (client: pg.PoolClient) => Promise<void>;
}

/** What a client gets: shown once, stored as fingerprints. */
export interface IssuedSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly tenantId: string;
  readonly accessToken: string;
  /** Seconds the access token lives. */
  readonly expiresIn: number;
  readonly refreshToken: string;
  /** Seconds the session lives at most. */
  readonly refreshExpiresIn: number;
}

/** Sign-ins of people: each is a stream of two events, and beside it a chain of refresh tokens. */
export class Sessions {
  readonly #options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** @throws Refusal `tenant_not_selectable`; `sign_in_refused` when the person cannot sign in (any more) */
  async start(wanted: StartSession): Promise<IssuedSession> {
    const { store, rows, subjectKeys, memberships, lifetimeDays } = this.#options;
    const { person, methods, clientId, now, guard, tenantFixed = false } = wanted;
    const tenant = await chooseTenant(memberships, person, wanted.tenantId);
    if (!tenant) throw refuse('tenant_not_selectable');
    const sessionId = uuidv7(now);
    const refreshToken = newRefreshToken();
    const { userId, homeTenantId } = person;
    const expiresAt = new Date(now + lifetimeDays * dayMs);
    const seal = await subjectKeys.sealerFor(homeTenantId, userId);
    const place = seal('place', placeText(wanted));
    const data = { sessionId, userId, methods: [...methods], ...(clientId !== undefined && { clientId }) };
    // COMMIT POINT: the session and its first refresh token, or neither. If the answer is lost, a session stands that
    // nobody holds a token of; it is listed, and ends when idle.
    await store.together(homeTenantId, async (log, client) => {
      await refuseUnlessActive(client, userId);
      await guard?.(client);
      await handle(log, sessionDecider, {
        streamId: sessionStream(sessionId),
        context: contextOf(person, now, wanted.traceId),
        decide: (state) => startSession(data, state),
      });
      const older = (await rows.ofUser(userId, client)).slice(maxSessions - 1);
      for (const session of older) await this.#endIn(log, client, session, 'revoked', now);
      await rows.insert(client, {
        ...person,
        sessionId,
        actingTenant: tenant.tenantId,
        tenantFixed,
        place,
        expiresAt,
        now,
      });
      await rows.insertToken(client, homeTenantId, sessionId, refreshToken, now);
    });
    const access = await this.#options.tokens.issue({ person, tenant, sessionId, methods, now, clientId, tenantFixed });
    return { ...access, userId, refreshToken, refreshExpiresIn: lifetimeDays * (dayMs / 1_000) };
  }

  /**
   * A new access token and the next refresh token. A token that was used before ends the session, unless it was used
   * within ten seconds and its successor was not: then the answer was lost, and is given again.
   *
   * @throws Refusal `refresh_refused`
   */
  async refresh(refreshToken: string, place: Place, now = Date.now(), wantedTenant?: string): Promise<IssuedSession> {
    const { rows, people, subjectKeys, memberships, tokens } = this.#options;
    const session = isRefreshToken(refreshToken) ? await rows.byToken(refreshToken) : undefined;
    const person = session && (await people.byId(session.userId));
    if (!session || person?.status !== 'active' || this.#isOver(session, now)) throw refuse('refresh_refused');
    const { tenantFixed } = session;
    if (tenantFixed && wantedTenant !== undefined && wantedTenant !== session.actingTenant)
      throw refuse('tenant_not_selectable');
    const tenant =
      (await chooseTenant(memberships, person, wantedTenant ?? session.actingTenant)) ??
      (wantedTenant === undefined && !tenantFixed ? await chooseTenant(memberships, person) : undefined);
    if (!tenant) throw refuse('tenant_not_selectable');
    // The tenant may ask for more than this sign-in proved: one begins anew, and is asked then.
    if (tenant.requireSecondFactor && !session.methods.includes('mfa')) throw refuse('refresh_refused');
    const seal = await subjectKeys.sealerFor(person.homeTenantId, person.userId);
    const used = { place: seal('place', placeText(place)), actingTenant: tenant.tenantId, now };
    const next = await this.#rotate(refreshToken, session.sessionId, used);
    if (next === undefined) {
      await this.end(session.sessionId, 'reuse', now);
      throw refuse('refresh_refused');
    }
    const { sessionId, methods, clientId, expiresAt } = session;
    const access = await tokens.issue({ person, tenant, sessionId, methods, now, clientId, tenantFixed });
    const refreshExpiresIn = Math.floor((expiresAt.getTime() - now) / 1_000);
    return { ...access, userId: person.userId, refreshToken: next, refreshExpiresIn };
  }

  /** The open session of a refresh token, used or not: whoever holds one may end it. */
  async idOf(refreshToken: string): Promise<string | undefined> {
    if (!isRefreshToken(refreshToken)) return undefined;
    return (await this.#options.rows.byToken(refreshToken))?.sessionId;
  }

  /** Answers whether it was open. Its refresh tokens are gone with it; access tokens die when services hear of it. */
  async end(sessionId: string, reason: EndReason, now = Date.now()): Promise<boolean> {
    const { rows, store } = this.#options;
    const session = await rows.byId(sessionId);
    if (!session) return false;
    return store.together(session.tenantId, (log, client) => this.#endIn(log, client, session, reason, now));
  }

  /** Ends all of a person's sessions but one, and every sign-in that waits for a second factor. */
  async endAll(userId: string, reason: EndReason, exceptSessionId?: string, now = Date.now()): Promise<number> {
    const person = await this.#options.people.byId(userId);
    if (!person) return 0;
    return this.#options.store.together(person.homeTenantId, (log, client) =>
      this.endAllIn(log, client, { person, reason, now, ...(exceptSessionId !== undefined && { exceptSessionId }) }),
    );
  }

  /** {@link endAll} inside a transaction of the person's home tenant, after the row that sign-ins are guarded by. */
  async endAllIn(log: EventStore, client: pg.PoolClient, { person, reason, exceptSessionId, now }: EndAll) {
    await client.query('delete from sign_in_challenges where user_id = $1', [person.userId]);
    const open = await this.#options.rows.ofUser(person.userId, client);
    let ended = 0;
    for (const session of open)
      if (session.sessionId !== exceptSessionId && (await this.#endIn(log, client, session, reason, now))) ended++;
    return ended;
  }

  /** The open sessions of somebody, newest first, with the places they were last used from. */
  async list(userId: string): Promise<readonly ListedSession[]> {
    const { rows } = this.#options;
    const sessions = await rows.ofUser(userId);
    return Promise.all(sessions.map((session) => this.#show(session)));
  }

  /** Ends what is over by the clock: a page of it, until there is none. Answers how many that were. */
  async endExpired(now: number): Promise<number> {
    const { rows, idleDays } = this.#options;
    const over = await rows.over(new Date(now), new Date(now - idleDays * dayMs));
    for (const sessionId of over) await this.end(sessionId, 'expired', now);
    return over.length;
  }

  #isOver({ expiresAt, lastUsedAt }: OpenSession, now: number): boolean {
    return expiresAt.getTime() <= now || lastUsedAt.getTime() + this.#options.idleDays * dayMs <= now;
  }

  /** COMMIT POINT of a rotation: the old token used, the new one stored. Undefined: somebody else has a copy. */
  #rotate(token: string, sessionId: string, used: Parameters<SessionRows['touch']>[2]): Promise<string | undefined> {
    const { rows, pepper } = this.#options;
    return rows.withToken(sessionId, token, async (client, stored) => {
      const verdict = judgeRefresh(stored, used.now);
      if (verdict === 'reuse') return undefined;
      const salt = stored.salt ?? newSalt();
      const next = successorOf(pepper, token, salt);
      if (verdict === 'rotate') {
        await rows.markUsed(client, token, salt, used.now);
        await rows.insertToken(client, stored.tenantId, sessionId, next, used.now);
        await rows.touch(client, sessionId, used);
      }
      return next;
    });
  }

  async #endIn(log: EventStore, client: pg.PoolClient, session: OpenSession, reason: EndReason, now: number) {
    const { sessionId, tenantId, userId } = session;
    const { events } = await handle(log, sessionDecider, {
      streamId: sessionStream(sessionId),
      context: contextOf({ homeTenantId: tenantId, userId }, now),
      decide: (state) => endSession(reason, state),
    });
    await client.query('delete from session_secrets where session_id = $1', [sessionId]);
    return events.length > 0;
  }

  async #show({ place, ...session }: OpenSession): Promise<ListedSession> {
    const { sessionId, userId, tenantId, methods, clientId, startedAt, lastUsedAt, expiresAt } = session;
    const opened = await this.#options.rows.openPlace(tenantId, place);
    const client = clientId !== undefined && { clientId };
    return { sessionId, userId, methods, ...client, startedAt, lastUsedAt, expiresAt, ...opened };
  }
}

export interface EndAll {
  readonly person: Pick<Person, 'userId' | 'homeTenantId'>;
  readonly reason: EndReason;
  readonly exceptSessionId?: string;
  readonly now: number;
}

export interface ListedSession extends Partial<Place> {
  readonly sessionId: string;
  readonly userId: string;
  readonly methods: readonly string[];
  readonly clientId?: string;
  readonly startedAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

const placeText = ({ ip, userAgent }: Place): string =>
  JSON.stringify({ ip, ...(userAgent !== undefined && { userAgent: userAgent.slice(0, 256) }) });

const contextOf = ({ homeTenantId, userId }: EndAll['person'], now: number, traceId?: string): CommandContext => ({
  tenantId: homeTenantId,
  actor: { type: 'user', id: userId },
  now,
  correlationId: traceId ?? newTraceContext().traceId,
});

/** The lock orders a sign-in against a disabling: whichever comes second sees the other. */
async function refuseUnlessActive(client: pg.PoolClient, userId: string): Promise<void> {
  const { rows } = await client.query<{ status: string }>('select status from people where user_id = $1 for share', [
    userId,
  ]);
  if (rows[0]?.status !== 'active') throw refuse('sign_in_refused');
}
