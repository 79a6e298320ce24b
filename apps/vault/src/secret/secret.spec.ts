import { canonicalJson } from '@gatehouse/crypto';
import type { NewEvent } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { changeVersions } from './change-versions/change-versions.js';
import { forgetSecret } from './forget-secret/forget-secret.js';
import { putMetadata } from './put-metadata/put-metadata.js';
import { deletionTime, type PresentSecret, type Secret, secretDecider, stateText, unset } from './secret.js';
import { nextVersion, versionWritten } from './write-version/write-version.js';

const path = 'production/X';
const secretId = '0197b5a0-0000-7000-8000-000000000001';
const actor = { type: 'user', id: 'ann' };
const start = Date.parse('2026-11-22T10:00:00.000Z');
const hour = 3_600_000;

const after = (secret: Secret, events: readonly NewEvent[], now = start): Secret =>
  events.reduce<Secret>(
    (state, { type, data }) =>
      secretDecider.evolve(state, {
        type,
        data: data as Record<string, unknown>,
        actor,
        occurredAt: new Date(now).toISOString(),
      }),
    secret,
  );

interface Wish {
  cas?: number;
  expiresAt?: string;
  defaults?: typeof unset;
}

function written(secret: Secret, { defaults = unset, ...wish }: Wish = {}, now = start): Secret {
  const next = nextVersion(secret, { ...wish, defaults, newSecretId: secretId, now });
  const sealing = {
    digest: `digest of ${next.version}`,
    algorithm: 'A256GCM',
    keyVersion: 1,
    referenceable: true,
  } as const;
  return after(secret, [versionWritten({ path, ...next, ...sealing })], now);
}

const none: Secret = { status: 'absent' };
const versionsOf = (secret: Secret) => (secret.status === 'present' ? secret.versions : {});
const current = (secret: Secret) => (secret.status === 'present' ? secret.currentVersion : 0);

describe('a write', () => {
  it('makes the first version of a secret, then the next ones of the same', () => {
    const secret = written(written(none)) as PresentSecret;
    expect(secret).toMatchObject({ secretId, currentVersion: 2 });
    expect(Object.keys(secret.versions)).toEqual(['1', '2']);
  });

  it('is refused when the caller has seen another version', () => {
    const refused = (secret: Secret, cas: number) => () => written(secret, { cas });
    expect(refused(none, 1)).toThrow(expect.objectContaining({ code: 'check_and_set' }));
    expect(refused(written(none), 0)).toThrow(expect.objectContaining({ code: 'check_and_set' }));
    expect(current(written(written(none), { cas: 1 }))).toBe(2);
    expect(current(written(none, { cas: 0 }))).toBe(1);
  });

  it('needs the version where the secret or the tenant says so', () => {
    const strict = { ...unset, casRequired: true };
    expect(() => written(none, { defaults: strict })).toThrow(
      expect.objectContaining({ code: 'check_and_set_required' }),
    );
    const own = after(none, putMetadata({ path, newSecretId: secretId, casRequired: true })(none));
    expect(() => written(own)).toThrow(expect.objectContaining({ code: 'check_and_set_required' }));
    expect(current(written(own, { cas: 0 }))).toBe(1);
  });

  it.each([
    [0, 0, 10],
    [0, 3, 3],
    [2, 3, 2],
  ])('keeps as many versions as the secret (%i), the tenant (%i) or the default says: %i', (own, tenants, kept) => {
    let secret = after(none, putMetadata({ path, newSecretId: secretId, maxVersions: own })(none));
    for (let i = 0; i < 14; i++) secret = written(secret, { defaults: { ...unset, maxVersions: tenants } });
    const numbers = Object.keys(versionsOf(secret)).map(Number);
    expect(numbers).toEqual(Array.from({ length: kept }, (_, i) => 15 - kept + i));
  });

  it('expires at the earliest of what was asked and what the settings say', () => {
    const defaults = { ...unset, deleteVersionAfterSeconds: 7_200 };
    const asked = new Date(start + hour).toISOString();
    const secret = written(written(none, { defaults, expiresAt: asked }), { defaults });
    expect(versionsOf(secret)[1]?.expiresAt).toBe(asked);
    expect(versionsOf(secret)[2]?.expiresAt).toBe(new Date(start + 2 * hour).toISOString());
    const first = versionsOf(secret)[1];
    expect(first && deletionTime(first, start + hour - 1)).toBeUndefined();
    expect(first && deletionTime(first, start + hour)).toBe(asked);
  });
});

describe('versions', () => {
  const change = (secret: Secret, to: 'deleted' | 'restored' | 'destroyed', versions?: number[], now = start) =>
    after(secret, changeVersions({ path, change: to, versions, now })(secret), now);

  it('are deleted, restored and destroyed, and what is destroyed stays so', () => {
    const two = written(written(none));
    expect(versionsOf(change(two, 'deleted'))).toMatchObject({ 1: { status: 'live' }, 2: { status: 'deleted' } });
    expect(versionsOf(change(change(two, 'deleted'), 'restored', [2]))).toEqual(versionsOf(two));
    const destroyed = change(two, 'destroyed', [1]);
    expect(versionsOf(destroyed)[1]?.status).toBe('destroyed');
    expect(changeVersions({ path, change: 'restored', versions: [1], now: start })(destroyed)).toEqual([]);
    expect(changeVersions({ path, change: 'deleted', versions: [1, 7], now: start })(destroyed)).toEqual([]);
  });

  it('that expired can be restored', () => {
    const secret = written(none, { expiresAt: new Date(start + hour).toISOString() });
    const later = start + 2 * hour;
    const version = versionsOf(change(secret, 'restored', [1], later))[1];
    expect(version && deletionTime(version, later)).toBeUndefined();
  });

  it('of no secret are not found', () =>
    expect(() => changeVersions({ path, change: 'deleted', now: start })(none)).toThrow(
      expect.objectContaining({ code: 'not_found' }),
    ));
});

it('metadata stays where nothing was said, and the same again is no event', () => {
  const secret = after(none, putMetadata({ path, newSecretId: secretId, maxVersions: 4, customMetadata: 'd' })(none));
  expect(putMetadata({ path, newSecretId: 'x', maxVersions: 4 })(secret)).toEqual([]);
  const cleared = after(secret, putMetadata({ path, newSecretId: 'x', customMetadata: null })(secret));
  expect(cleared).toMatchObject({ secretId, maxVersions: 4, customMetadata: null });
});

it('what was forgotten is absent, and another secret may follow', () => {
  const gone = after(written(none), forgetSecret(path)(written(none)));
  expect(gone).toEqual(none);
  expect(forgetSecret(path)(gone)).toEqual([]);
  expect(current(written(gone))).toBe(1);
});

it('whatever happens, the state stays within its limits and its text gives it back', () => {
  const step = fc.oneof(
    fc.constant({ kind: 'write' } as const),
    fc.record({
      kind: fc.constantFrom('deleted', 'restored', 'destroyed'),
      versions: fc.array(fc.integer({ min: 1, max: 9 })),
    }),
    fc.record({ kind: fc.constant('limit' as const), maxVersions: fc.integer({ min: 0, max: 4 }) }),
    fc.constant({ kind: 'forget' } as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let secret: Secret = none;
      const destroyed = new Set<string>();
      for (const one of steps) {
        if (one.kind === 'write') secret = written(secret);
        else if (one.kind === 'forget') secret = after(secret, forgetSecret(path)(secret));
        else if (one.kind === 'limit')
          secret = after(secret, putMetadata({ path, newSecretId: secretId, maxVersions: one.maxVersions })(secret));
        else if (secret.status === 'present')
          secret = after(
            secret,
            changeVersions({ path, change: one.kind as 'deleted', versions: one.versions, now: start })(secret),
          );
        if (secret.status === 'absent') destroyed.clear();
        for (const [number, version] of Object.entries(versionsOf(secret))) {
          if (version.status === 'destroyed') destroyed.add(number);
          else expect(destroyed.has(number)).toBe(false);
        }
        expect(stateText(secret)).toBe(canonicalJson(secret));
        expect(JSON.parse(stateText(secret))).toEqual(secret);
        expect(Object.keys(versionsOf(secret)).length).toBeLessThanOrEqual(10);
      }
    }),
  );
});

it('has a state whose text is canonical, also where the tenth version stands before the second', () => {
  let secret: Secret = none;
  for (let i = 1; i <= 12; i++) {
    secret = written(secret);
    expect(stateText(secret)).toBe(canonicalJson(secret));
  }
});
