import type { Envelope } from '@gatehouse/contracts';
import { fold, type NewEvent, writeEvent } from '@gatehouse/event-store';
import type { CreateKey } from './create-key/create-key.js';
import { type Key, keyDecider, keyStream } from './key.js';

export const keyId = '0190a1b2-0000-7000-8000-00000000000a';
export const ownerId = '0190a1b2-0000-7000-8000-000000000001';
export const noKey: Key = { status: 'none' };
export const now = Date.UTC(2026, 10, 22);

/** What a caller asks for who asks for nothing special. */
export const createCi: CreateKey = {
  keyId,
  family: 'mas',
  name: 'ci',
  caller: { type: 'user', id: ownerId },
  roles: [],
  fingerprint: Buffer.alloc(32, 7).toString('base64'),
  displayPrefix: 'mas_abcdefgh',
  now,
};

/** The state after events, as the store would fold it: one second apart, from `now`. */
export const keyAfter = (...events: readonly NewEvent[]): Key => fold(keyDecider, envelopesOf(events));

export const envelopesOf = (events: readonly NewEvent[]): readonly Envelope[] =>
  events.map((event, i) => {
    const actor = { type: 'user', id: ownerId };
    const context = { tenantId: 'main', actor, now: now + i * 1_000, correlationId: 'trace' };
    return writeEvent(event, keyStream(keyId), i + 1, context).envelope;
  });
