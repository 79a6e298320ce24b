import type { KeyCreated, KeyPrincipal } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import { type Key, keyNamePattern, scopePattern } from '../key.js';
import { assertReach, assertReachesPerson, type Reach } from '../reach.js';

export interface CreateKey {
  readonly keyId: string;
  readonly family: 'mas' | 'mau';
  readonly name: string;
  /** Who asks: a key of a person acts as that person. */
  readonly caller: Reach;
  readonly roles: readonly string[];
  readonly fingerprint: string;
  readonly displayPrefix: string;
  /** RFC 3339. */
  readonly expiresAt?: string;
  /** CIDR. */
  readonly networks?: readonly string[];
  /** Action patterns; absent: no limit. */
  readonly scopes?: readonly string[];
  /** Its text was made elsewhere. */
  readonly imported?: boolean;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/** @throws Refusal `key_expiry_passed`, `user_key_with_roles`, `user_key_without_person`, `user_key_beyond_tenant`, `key_scopes_too_wide` */
export function createKey(command: CreateKey, state: Key): readonly NewEvent[] {
  if (state.status !== 'none') throw new RangeError('a new key needs a new id');
  if (!keyNamePattern.test(command.name)) throw new RangeError('not the name of a key');
  const { keyId, family, name, roles, fingerprint, displayPrefix, expiresAt, networks, scopes, now } = command;
  if (scopes && !scopes.every((pattern) => scopePattern.test(pattern))) throw new RangeError('not a scope');
  assertReach(command.caller, scopes);
  if (expiresAt !== undefined && Date.parse(expiresAt) <= now) throw new Refusal('key_expiry_passed');
  const data: KeyCreated = {
    keyId,
    family,
    name,
    principal: principalOf(command),
    roles: [...new Set(roles)],
    fingerprint,
    displayPrefix,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(networks?.length && { networks: [...new Set(networks)] }),
    ...(scopes && { scopes: [...new Set(scopes)] }),
    ...(command.imported && { imported: true }),
  };
  return [{ type: 'key.created', version: 1, data }];
}

/** A service key is a principal of its own, called as the key; a user key is never more than its person. */
function principalOf({ family, name, caller, roles }: CreateKey): KeyPrincipal {
  if (family === 'mas') return { type: 'service', id: name };
  if (caller.type !== 'user') throw new Refusal('user_key_without_person');
  assertReachesPerson(caller);
  if (roles.length > 0) throw new Refusal('user_key_with_roles');
  return { type: 'user', id: caller.id };
}
