import { randomUUID } from 'node:crypto';
import type { CallerDirectory, Principal } from '@gatehouse/authn';
import type { LoginMethod, TokenCreated } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { endOfJwt } from './end-of-jwt.js';
import type { TokenDirectory } from './token-directory.service.js';
import type { TokenQuota } from './token-quota.js';
import { insertToken, type NewTokenRow, selectChain, type TokenRow } from './token-rows.js';
import { renewedUntil, type TermsRefusal, type TokenTerms, type TokenWish, termsOf } from './token-terms.js';
import { hashOf, newToken } from './token-text.js';
import type { MadeToken } from './token-view.js';
import './token-problems.js';

type Chain = readonly [TokenRow, ...TokenRow[]];

export interface TokensOptions {
  readonly store: PostgresEventStore;
  /** Connections of the request role. */
  readonly pool: pg.Pool;
  readonly pepper: Pepper;
  readonly callers: CallerDirectory;
  readonly directory: TokenDirectory;
  readonly quota: TokenQuota;
}

/** What a holder may write on a token: in no event, gone when the token is. */
export interface TokenLabels {
  readonly displayName: string;
  readonly meta: Readonly<Record<string, string>>;
}

export interface LoginOrigin {
  readonly method: LoginMethod;
  readonly role: string;
  readonly roleId: string;
  readonly networks: readonly string[];
}

type Origin = Pick<TokenRow, 'parentId' | 'depth' | 'madeWith' | 'sessionId' | 'methods' | 'loginRoleId'>;

const refusals: Readonly<Record<TermsRefusal, string>> = {
  scopes_too_wide: 'token_scopes_too_wide',
  too_deep: 'token_too_deep',
  parent_ended: 'token_parent_ended',
};
const streamOf = (tokenId: string): string => `token:${tokenId}`;
const anyState = { initialState: null, evolve: () => null };

/** Makes, renews and ends tokens of the vault. Whether the caller may is decided before. */
export class Tokens {
  readonly #options: TokensOptions;

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /**
   * A token that acts as the caller, within what the caller came with.
   *
   * @param credential the text that the caller was recognised by
   * @throws ProblemError `token_scopes_too_wide`, `token_too_deep`, `token_parent_counted`, `too_many_tokens`
   */
  async create(caller: Principal, credential: string, wish: TokenWish, labels: TokenLabels, context: CommandContext) {
    const { directory, callers } = this.#options;
    const { now } = context;
    if (directory.isToken(credential)) {
      const chain = await directory.find(credential);
      if (!chain) throw new ProblemError('token_unknown');
      if (chain.some(({ numUses }) => numUses > 0)) throw new ProblemError('token_parent_counted');
      const [parent] = chain;
      const endsAtMs = Math.min(...chain.map(({ maxExpiresAtMs }) => maxExpiresAtMs));
      const terms = accepted(termsOf(wish, { endsAtMs, scopes: caller.scopes, depth: parent.depth + 1 }, now));
      const { madeWith, sessionId, methods, loginRoleId } = parent;
      const origin = { parentId: parent.tokenId, depth: parent.depth + 1, madeWith, sessionId, methods, loginRoleId };
      return this.#store(caller, terms, { origin, labels, path: 'auth/token/create', above: chain }, context);
    }
    const isKey = caller.keyId !== undefined;
    const madeWith = isKey ? callers.fingerprintOf(credential) : null;
    const endsAtMs = madeWith === null ? endOfJwt(credential) : callers.endOf(madeWith);
    const terms = accepted(termsOf(wish, { endsAtMs, scopes: caller.scopes, depth: 0 }, now));
    const origin = {
      ...{ parentId: null, depth: 0, madeWith, loginRoleId: null },
      sessionId: caller.sessionId ?? null,
      methods: caller.methods ?? null,
    };
    return this.#store(caller, terms, { origin, labels, path: 'auth/token/create', above: [] }, context);
  }

  /** The token that a login gives. @throws ProblemError `too_many_tokens` */
  logIn(caller: Principal, login: LoginOrigin, wish: TokenWish, labels: TokenLabels, context: CommandContext) {
    const endsAtMs = Number.POSITIVE_INFINITY;
    const terms = accepted(termsOf(wish, { endsAtMs, scopes: wish.scopes, depth: 0 }, context.now));
    const none = { parentId: null, depth: 0, madeWith: null, sessionId: null, methods: null };
    const origin = { ...none, loginRoleId: login.roleId };
    const path = `auth/${login.method}/login`;
    return this.#store(caller, terms, { origin, labels, path, above: [], login }, context);
  }

  /** Live or not. @throws ProblemError `token_unknown` */
  async byAccessor(tenantId: string, tokenId: string): Promise<Chain> {
    const [token, ...above] = await this.#asTenant(tenantId, (client) => selectChain(client, { tenantId, tokenId }));
    if (!token) throw new ProblemError('token_unknown');
    return [token, ...above];
  }

  /** @throws ProblemError `token_unknown` also for a token of another tenant */
  async byText(tenantId: string, token: string): Promise<Chain> {
    const chain = await this.#options.directory.find(token);
    if (chain?.[0].tenantId !== tenantId) throw new ProblemError('token_unknown');
    return chain;
  }

  /** @throws ProblemError `token_not_renewable`, `token_unknown` for one that is over */
  async renew([token, ...above]: Chain, incrementSeconds: number | undefined, context: CommandContext): Promise<Chain> {
    const { tenantId, tokenId, renewable, maxExpiresAtMs } = token;
    if (!renewable) throw new ProblemError('token_not_renewable');
    const expiresAtMs = renewedUntil(token, incrementSeconds, context.now);
    if (maxExpiresAtMs <= context.now) throw new ProblemError('token_unknown');
    const renewed = await this.#options.store.together(tenantId, async (log, client) => {
      const { rowCount } = await client.query(
        'update tokens set expires_at = $3 where tenant_id = $1 and token_id = $2 and revoked_at is null and expires_at > $4',
        [tenantId, tokenId, new Date(expiresAtMs), new Date(context.now)],
      );
      if (rowCount !== 1) return false;
      const data = { tokenId, expiresAt: new Date(expiresAtMs).toISOString() };
      await append(log, context, { type: 'token.renewed', version: 1, data });
      return true;
    });
    if (!renewed) throw new ProblemError('token_unknown');
    this.#options.directory.forget(tokenId);
    return [{ ...token, expiresAtMs }, ...above];
  }

  /** Ends a token, and with it all that were made with it. What has ended stays so. */
  async revoke({ tenantId, tokenId }: Pick<TokenRow, 'tenantId' | 'tokenId'>, context: CommandContext): Promise<void> {
    await this.#options.store.together(tenantId, async (log, client) => {
      const { rowCount } = await client.query(
        'update tokens set revoked_at = $3 where tenant_id = $1 and token_id = $2 and revoked_at is null',
        [tenantId, tokenId, new Date(context.now)],
      );
      if (rowCount === 1) await append(log, context, { type: 'token.revoked', version: 1, data: { tokenId } });
    });
    this.#options.directory.forget(tokenId);
  }

  async #store(caller: Principal, terms: TokenTerms, from: From, context: CommandContext): Promise<MadeToken> {
    const { store, pepper, quota } = this.#options;
    const { tenantId } = caller;
    const token = newToken(pepper, 'gvt_');
    const row = { ...rowOf(caller, terms, from, context), hash: hashOf(pepper, token) };
    await quota.take(tenantId, context.now);
    await store.together(tenantId, async (log, client) => {
      const event = { type: 'token.created', version: 1, data: createdOf(row, caller, from) };
      await log.append(streamOf(row.tokenId), [event], { expectedRevision: 0, context });
      await insertToken(client, row);
    });
    return { token, chain: [{ ...row, uses: 0, revoked: false, roleLive: true }, ...from.above] };
  }

  async #asTenant<T>(tenantId: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#options.store.together(tenantId, (_log, client) => work(client));
  }
}

interface From {
  readonly origin: Origin;
  readonly labels: TokenLabels;
  readonly path: string;
  readonly above: readonly TokenRow[];
  readonly login?: LoginOrigin;
}

type Log = Parameters<typeof handle>[0];

const append = (
  log: Log,
  context: CommandContext,
  event: { type: string; version: number; data: { tokenId: string } },
) => handle(log, anyState, { streamId: streamOf(event.data.tokenId), context, decide: () => [event] });

function accepted(terms: TokenTerms | TermsRefusal): TokenTerms {
  if (typeof terms === 'string') throw new ProblemError(refusals[terms]);
  return terms;
}

function rowOf({ tenantId, type, id }: Principal, terms: TokenTerms, from: From, { now }: CommandContext) {
  const ttlSeconds = Math.max(1, Math.round((terms.expiresAtMs - now) / 1_000));
  return {
    ...{ tenantId, tokenId: randomUUID(), principalType: type, principalId: id },
    ...from.origin,
    ...{ networks: from.login?.networks ?? [], path: from.path, ...from.labels, createdAtMs: now, ttlSeconds },
    ...{ ...terms, scopes: terms.scopes ?? null },
  } satisfies Omit<NewTokenRow, 'hash'>;
}

const createdOf = (row: Omit<NewTokenRow, 'hash'>, { keyId }: Principal, { login }: From): TokenCreated => ({
  tokenId: row.tokenId,
  principal: { type: row.principalType, id: row.principalId },
  ...(row.parentId !== null && { parentId: row.parentId }),
  ...(row.parentId === null && keyId !== undefined && { keyId }),
  ...(login && { login: { method: login.method, role: login.role, roleId: login.roleId } }),
  ...(row.scopes && { scopes: [...row.scopes] }),
  expiresAt: new Date(row.expiresAtMs).toISOString(),
  maxExpiresAt: new Date(row.maxExpiresAtMs).toISOString(),
  numUses: row.numUses,
  renewable: row.renewable,
});
