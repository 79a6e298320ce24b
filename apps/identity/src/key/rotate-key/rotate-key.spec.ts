import type { NewEvent } from '@gatehouse/event-store';
import { fold } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import { createKey } from '../create-key/create-key.js';
import { disableKey } from '../disable-key/disable-key.js';
import { createCi, envelopesOf, keyAfter, keyId, noKey, now, ownerId } from '../key.fixture.js';
import { type RotateKey, rotateKey, rotatingKeyDecider } from './rotate-key.js';

const after = (...events: readonly NewEvent[]) => fold(rotatingKeyDecider, envelopesOf(events));
const next = Buffer.alloc(32, 8).toString('base64');
const rotateCi: RotateKey = {
  caller: { type: 'user', id: ownerId },
  fingerprint: next,
  displayPrefix: 'mas_ijklmnop',
  overlapSeconds: 60,
  now,
};
const refusalOf = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
  return 'no refusal';
};

describe('rotate a key', () => {
  const created = createKey(createCi, noKey);
  const rotating = rotateKey(rotateCi, after(...created));

  it('says which text is replaced by which, and until when the old one works', () => {
    expect(rotating).toEqual([
      {
        type: 'key.rotated',
        version: 1,
        data: {
          keyId,
          fingerprint: next,
          displayPrefix: 'mas_ijklmnop',
          previousFingerprint: createCi.fingerprint,
          previousValidUntil: new Date(now + 60_000).toISOString(),
        },
      },
    ]);
  });

  it('keeps everything else of the key, its fingerprints excepted', () => {
    const [before, key] = [keyAfter(...created), keyAfter(...created, ...rotating)];
    expect(key).toEqual({
      ...before,
      displayPrefix: 'mas_ijklmnop',
      rotatedAt: new Date(now + 1_000).toISOString(),
      previousValidUntil: new Date(now + 60_000).toISOString(),
    });
    expect(JSON.stringify(key)).not.toContain(next);
  });

  it('replaces the newest text when it is done again, also after the key was disabled', () => {
    const state = after(...created, ...rotating, ...disableKey({}, keyAfter(...created)));
    const [event] = rotateKey({ ...rotateCi, fingerprint: 'third' }, state);
    expect(event?.data).toMatchObject({ previousFingerprint: next, fingerprint: 'third' });
  });

  it('of a person is done by that person alone', () => {
    const mine = after(...createKey({ ...createCi, family: 'mau' }, noKey));
    const as = (caller: RotateKey['caller']) => refusalOf(() => rotateKey({ ...rotateCi, caller }, mine));
    expect(as({ type: 'user', id: ownerId })).toBe('no refusal');
    expect(as({ type: 'user', id: 'somebody-else' })).toBe('user_key_of_another');
    expect(as({ type: 'service', id: ownerId })).toBe('user_key_of_another');
    expect(as({ type: 'user', id: ownerId, tenantFixed: true })).toBe('user_key_beyond_tenant');
  });

  it.each<[readonly string[] | undefined, readonly string[] | undefined, string]>([
    [undefined, undefined, 'no refusal'],
    [undefined, ['logs.*'], 'no refusal'],
    [['key.*', 'logs.*'], ['logs.read'], 'no refusal'],
    [['key.*'], undefined, 'key_scopes_too_wide'],
    [['key.*'], ['logs.read'], 'key_scopes_too_wide'],
    [[], ['logs.read'], 'key_scopes_too_wide'],
  ])('by a credential with scopes %j of a key with %j: %s', (callers, keys, expected) => {
    const state = after(...createKey({ ...createCi, ...(keys && { scopes: keys }) }, noKey));
    const caller = { type: 'user', id: ownerId, ...(callers && { scopes: callers }) };
    expect(refusalOf(() => rotateKey({ ...rotateCi, caller }, state))).toBe(expected);
  });

  it('is refused for a key that is not there, or has expired', () => {
    expect(refusalOf(() => rotateKey(rotateCi, rotatingKeyDecider.initialState))).toBe('not_found');
    const expiresAt = new Date(now + 1).toISOString();
    const brief = after(...createKey({ ...createCi, expiresAt }, noKey));
    expect(refusalOf(() => rotateKey({ ...rotateCi, now: now + 1 }, brief))).toBe('key_expiry_passed');
  });
});
