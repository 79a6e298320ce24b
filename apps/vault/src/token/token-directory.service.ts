import { type CallerDirectory, NotAuthenticated, type Principal } from '@gatehouse/authn';
import type { Pepper } from '@gatehouse/crypto';
import type { Query, Wake } from '@gatehouse/event-store';
import type { TokenDirectory as VaultTokens } from '../dialect/credentials.js';
import { isWithin } from '../login/networks.js';
import { TokenCache } from './token-cache.js';
import { selectChain, type TokenRow, takeUse } from './token-rows.js';
import { hashOf, isOurs } from './token-text.js';

/** On which every replica hears of tokens that end, and of login roles that changed: `token:<id>`, `role:<id>`. */
export const tokensChannel = 'gatehouse_tokens_vault';

const notice = /^(token|role):([0-9a-f-]{36})$/;
const maxRemembered = 50_000;
const maxAgeMs = 60_000;

export interface TokenDirectoryOptions {
  readonly pepper: Pepper;
  /** Connections of the system role: only the token tells the tenant it belongs to. */
  readonly query: Query;
  readonly wake: Wake;
  readonly callers: CallerDirectory;
}

/** A token with all it was made with, itself first. */
type Chain = readonly [TokenRow, ...TokenRow[]];

/**
 * Tokens that the vault made, to the principals they act as. A token that was read is remembered, so that a call costs two
 * HMACs and no database; every replica forgets it when it ends. Whether its principal is still let in, and the key it was
 * made with still opens, is asked of the caller directory at every call (P6).
 */
export class TokenDirectory implements VaultTokens {
  readonly #options: TokenDirectoryOptions;
  readonly #cache = new TokenCache<Chain>(maxRemembered, maxAgeMs);
  #stop: (() => void)[] = [];

  constructor(options: TokenDirectoryOptions) {
    this.#options = options;
  }

  /** How many tokens are remembered. */
  get size(): number {
    return this.#cache.size;
  }

  start(): this {
    const { wake } = this.#options;
    this.#stop = [
      wake.listen((on, changed) => on === tokensChannel && this.#note(changed)),
      wake.onReconnect(() => this.#cache.clear()),
    ];
    return this;
  }

  stop(): void {
    for (const end of this.#stop) end();
  }

  /** Forgets a token that has just changed here: this replica need not wait for its own notification. */
  forget(tokenId: string): void {
    this.#cache.forget(tokenId);
  }

  /** After a login role is gone here, with whatever tokens it gave: rare, and what still lives is read again. */
  forgetAll(): void {
    this.#cache.clear();
  }

  /** Whether a text says to be a token of the vault. */
  isToken(text: string): boolean {
    return text.startsWith('gvt_');
  }

  /**
   * Whom a token acts as. One use of a token with bounded uses is taken.
   *
   * Undefined for a text that is no such token by its form.
   *
   * @param nowMs Unix time in milliseconds
   * @throws NotAuthenticated
   */
  principalOf(token: string, ip: string, nowMs: number): Principal | undefined | Promise<Principal> {
    if (!this.isToken(token)) return undefined;
    if (!isOurs(this.#options.pepper, 'gvt_', token)) throw new NotAuthenticated('unknown');
    const hash = hashOf(this.#options.pepper, token);
    const known = this.#cache.get(hash.toString('base64'), nowMs);
    // Remembered and over: its end may have moved since.
    if (known && endOf(known) > nowMs) return this.#letIn(known, ip, nowMs);
    return this.#read(hash, nowMs).then((chain) => this.#letIn(chain, ip, nowMs));
  }

  /** The token that a text is, with those it was made with; undefined for one that is not there. No use is taken. */
  async find(token: string): Promise<Chain | undefined> {
    if (!isOurs(this.#options.pepper, 'gvt_', token)) return undefined;
    return chainOf(await selectChain(this.#options.query, { hash: hashOf(this.#options.pepper, token) }));
  }

  async #read(hash: Buffer, nowMs: number): Promise<Chain> {
    const { generation } = this.#cache;
    const chain = chainOf(await selectChain(this.#options.query, { hash }));
    if (!chain) throw new NotAuthenticated('unknown');
    const tokenIds = chain.map(({ tokenId }) => tokenId);
    this.#cache.set(hash.toString('base64'), { value: chain, tokenIds, readAtMs: nowMs }, generation);
    return chain;
  }

  #letIn(chain: Chain, ip: string, nowMs: number): Principal | Promise<Principal> {
    const [token] = chain;
    const principal = principalOfRow(token);
    assertLive(chain, principal, ip, nowMs);
    this.#assertStillLetIn(token, ip, nowMs);
    if (token.numUses === 0) return principal;
    return takeUse(this.#options.query, token.tokenId).then((taken) => {
      if (!taken) throw new NotAuthenticated('ended', principal);
      return principal;
    });
  }

  /** The key, the sign-in, the membership behind the token: it is worth what they are worth now. */
  #assertStillLetIn(token: TokenRow, ip: string, nowMs: number): void {
    const { callers } = this.#options;
    const behind = token.madeWith === null ? principalOfRow(token) : callers.recall(token.madeWith, ip, nowMs);
    // As whoever made the token would come: without the token's id and its limits.
    const { type, id, tenantId: own } = behind;
    const found: Principal = {
      ...{ type, id, tenantId: own },
      ...(behind.keyId !== undefined && { keyId: behind.keyId }),
      ...(token.sessionId !== null && { sessionId: token.sessionId }),
      ...(token.methods !== null && { methods: token.methods }),
    };
    callers.admit(found, { tenantId: token.tenantId });
  }

  #note(changed: string): void {
    const [, kind, id = ''] = notice.exec(changed) ?? [];
    if (kind === 'token') this.#cache.forget(id);
    if (kind === 'role') this.forgetAll();
  }
}

const chainOf = (rows: readonly TokenRow[]): Chain | undefined => {
  const [token, ...above] = rows;
  return token && [token, ...above];
};

/** When a token ends: with the first of those it was made with. Unix milliseconds. */
export const endOf = (chain: readonly TokenRow[]): number => Math.min(...chain.map(({ expiresAtMs }) => expiresAtMs));

/** @throws NotAuthenticated when the token, or one that it was made with, is over */
export function assertLive(chain: readonly TokenRow[], principal: Principal, ip: string, nowMs: number): void {
  for (const { revoked, roleLive, networks } of chain) {
    if (revoked) throw new NotAuthenticated('ended', principal);
    if (!roleLive) throw new NotAuthenticated('disabled', principal);
    if (!isWithin(networks, ip)) throw new NotAuthenticated('network', principal);
  }
  if (endOf(chain) <= nowMs) throw new NotAuthenticated('expired', principal);
}

export const principalOfRow = (row: TokenRow): Principal => ({
  type: row.principalType,
  id: row.principalId,
  tenantId: row.tenantId,
  tokenId: row.tokenId,
  ...(row.scopes && { scopes: row.scopes }),
  tenantFixed: true,
});
