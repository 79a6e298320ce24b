import type { Principal } from '@gatehouse/authn';
import { endOf } from './token-directory.service.js';
import type { TokenRow } from './token-rows.js';
import { policiesShown } from './token-terms.js';

const secondsUntil = (atMs: number, nowMs: number): number => Math.max(0, Math.ceil((atMs - nowMs) / 1_000));

/** What `auth/token/lookup` tells of a token, in the words of the dialect. `id` is only told to whoever sent it. */
export function lookupView(chain: readonly [TokenRow, ...TokenRow[]], id: string, nowMs: number) {
  const [token] = chain;
  const endsAtMs = endOf(chain);
  return {
    accessor: token.tokenId,
    creation_time: Math.floor(token.createdAtMs / 1_000),
    creation_ttl: token.ttlSeconds,
    display_name: token.displayName,
    entity_id: `${token.principalType}/${token.principalId}`,
    expire_time: new Date(endsAtMs).toISOString(),
    explicit_max_ttl: token.explicitMaxTtlSeconds,
    id,
    issue_time: new Date(token.createdAtMs).toISOString(),
    meta: token.meta,
    num_uses: token.numUses === 0 ? 0 : token.numUses - token.uses,
    orphan: token.parentId === null,
    path: token.path,
    policies: policiesShown(token.scopes ?? undefined),
    renewable: token.renewable,
    ttl: secondsUntil(endsAtMs, nowMs),
    type: 'service',
  };
}

/** The same of a key or an access token, with which a caller may come as well. @param endsAtMs infinite: it does not end */
export function credentialView({ type, id, keyId, scopes }: Principal, endsAtMs: number, nowMs: number) {
  const ends = Number.isFinite(endsAtMs);
  return {
    accessor: keyId ?? '',
    creation_time: 0,
    creation_ttl: 0,
    display_name: id,
    entity_id: `${type}/${id}`,
    expire_time: ends ? new Date(endsAtMs).toISOString() : null,
    explicit_max_ttl: 0,
    // Vault repeats the token here. A key is shown once in its life, when it is made.
    id: keyId ?? '',
    meta: {},
    num_uses: 0,
    orphan: true,
    path: keyId === undefined ? 'gatehouse/token' : 'gatehouse/key',
    policies: policiesShown(scopes),
    renewable: false,
    ttl: ends ? secondsUntil(endsAtMs, nowMs) : 0,
    type: 'service',
  };
}

export interface MadeToken {
  /** The text, shown this once. */
  readonly token: string;
  readonly chain: readonly [TokenRow, ...TokenRow[]];
}

/** `auth` of an answer that gives or renews a token. */
export function authView(chain: readonly [TokenRow, ...TokenRow[]], text: string, nowMs: number) {
  const [token] = chain;
  const policies = policiesShown(token.scopes ?? undefined);
  return {
    client_token: text,
    accessor: token.tokenId,
    policies,
    token_policies: policies,
    metadata: token.meta,
    lease_duration: secondsUntil(endOf(chain), nowMs),
    renewable: token.renewable,
    entity_id: `${token.principalType}/${token.principalId}`,
    token_type: 'service',
    orphan: token.parentId === null,
    mfa_requirement: null,
    num_uses: token.numUses,
  };
}
export type AuthView = ReturnType<typeof authView>;
