import type { KeyEnabled } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import type { Key } from '../key.js';

/** Enables a disabled key again. An expired one stays useless: expiry is not undone. @throws Refusal `not_found` */
export function enableKey(key: Key): readonly NewEvent[] {
  if (key.status === 'none') throw new Refusal('not_found');
  if (key.status === 'enabled') return [];
  return [{ type: 'key.enabled', version: 1, data: { keyId: key.keyId } satisfies KeyEnabled }];
}
