import type { KeyDisabled } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import type { Key } from '../key.js';

/** Disables a key; one that is disabled stays as it is, with its first reason. @throws Refusal `not_found` */
export function disableKey({ reason }: { readonly reason?: string | undefined }, key: Key): readonly NewEvent[] {
  if (key.status === 'none') throw new Refusal('not_found');
  if (key.status === 'disabled') return [];
  const data: KeyDisabled = { keyId: key.keyId, ...(reason !== undefined && { reason }) };
  return [{ type: 'key.disabled', version: 1, data }];
}
