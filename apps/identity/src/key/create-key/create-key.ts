import type { KeyCreated, KeyPrincipal } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import { type Key, keyNamePattern } from '../key.js';

export interface CreateKey {
  readonly keyId: string;
  readonly family: 'mas' | 'mau';
  readonly name: string;
  /** Who asks: a key of a person acts as that person. */
  readonly caller: { readonly type: string; readonly id: string };
  readonly roles: readonly string[];
  readonly fingerprint: string;
  readonly displayPrefix: string;
  /** RFC 3339. */
  readonly expiresAt?: string;
  /** CIDR. */
  readonly networks?: readonly string[];
  /** Unix time in milliseconds. */
  readonly now: number;
}

/** @throws Refusal `key_expiry_passed`, `user_key_with_roles`, `user_key_without_person` */
export function createKey(command: CreateKey, state: Key): readonly NewEvent[] {
  if (state.status !== 'none') throw new RangeError('a new key needs a new id');
  if (!keyNamePattern.test(command.name)) throw new RangeError('not the name of a key');
  const { keyId, family, name, roles, fingerprint, displayPrefix, expiresAt, networks, now } = command;
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
  };
  return [{ type: 'key.created', version: 1, data }];
}

/** A service key is a principal of its own, called as the key; a user key is never more than its person. */
function principalOf({ family, name, caller, roles }: CreateKey): KeyPrincipal {
  if (family === 'mas') return { type: 'service', id: name };
  if (caller.type !== 'user') throw new Refusal('user_key_without_person');
  if (roles.length > 0) throw new Refusal('user_key_with_roles');
  return { type: 'user', id: caller.id };
}
