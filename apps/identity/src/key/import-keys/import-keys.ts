import type { KeyDisabled } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import { type CreateKey, createKey } from '../create-key/create-key.js';
import type { Key } from '../key.js';
import { isPublishedKey } from './published-keys.js';

export type ImportRefusal = 'key_is_published' | 'user_key_needs_owner';

export interface ImportKey extends Omit<CreateKey, 'imported'> {
  /** In clear, for as long as the request lasts. */
  readonly key: string;
  readonly enabled: boolean;
  /** The caller takes the file's user keys for his own: where they come from, nobody was written down as their owner. */
  readonly userKeysAsMine: boolean;
}

/**
 * A key that exists elsewhere, from now on known here. @throws Refusal `key_is_published`, `user_key_needs_owner`, and
 * what a new key may be refused for
 */
export function importKey({ key, enabled, userKeysAsMine, ...command }: ImportKey, state: Key): readonly NewEvent[] {
  if (isPublishedKey(key)) throw new Refusal<ImportRefusal>('key_is_published');
  if (command.family === 'mau' && !userKeysAsMine) throw new Refusal<ImportRefusal>('user_key_needs_owner');
  const created = createKey({ ...command, imported: true }, state);
  if (enabled) return created;
  const data: KeyDisabled = { keyId: command.keyId, reason: 'imported as disabled' };
  return [...created, { type: 'key.disabled', version: 1, data }];
}
