import { describe, expect, it } from '@jest/globals';
import { createCi, keyAfter, keyId, noKey, now, ownerId } from '../key.fixture.js';
import { createKey } from './create-key.js';

const refusalOf = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
  return 'no refusal';
};

describe('create a key', () => {
  it('makes a service key a principal called as the key', () => {
    expect(createKey({ ...createCi, roles: ['developer', 'viewer', 'developer'] }, noKey)).toEqual([
      {
        type: 'key.created',
        version: 1,
        data: {
          keyId,
          family: 'mas',
          name: 'ci',
          principal: { type: 'service', id: 'ci' },
          roles: ['developer', 'viewer'],
          fingerprint: createCi.fingerprint,
          displayPrefix: 'mas_abcdefgh',
        },
      },
    ]);
  });

  it('makes a user key act as its person', () => {
    const [event] = createKey({ ...createCi, family: 'mau' }, noKey);
    expect(event?.data).toMatchObject({ family: 'mau', principal: { type: 'user', id: ownerId }, roles: [] });
  });

  it('gives a user key no roles of its own', () => {
    expect(refusalOf(() => createKey({ ...createCi, family: 'mau', roles: ['viewer'] }, noKey))).toBe(
      'user_key_with_roles',
    );
  });

  it('makes no user key for a caller that is no person', () => {
    const caller = { type: 'service', id: 'operator' };
    expect(refusalOf(() => createKey({ ...createCi, family: 'mau', caller }, noKey))).toBe('user_key_without_person');
  });

  it('makes no key of all tenants of a person for a credential that opens one', () => {
    const caller = { type: 'user', id: ownerId, tenantFixed: true } as const;
    const make = (family: 'mas' | 'mau') =>
      refusalOf(() => createKey({ ...createCi, family, roles: [], caller }, noKey));
    expect(make('mau')).toBe('user_key_beyond_tenant');
    expect(make('mas')).toBe('no refusal');
  });

  it.each([
    ['a millisecond ago', -1, 'key_expiry_passed'],
    ['now', 0, 'key_expiry_passed'],
    ['in a millisecond', 1, 'no refusal'],
  ])('judges an expiry %s', (_when, offsetMs, expected) => {
    const expiresAt = new Date(now + offsetMs).toISOString();
    expect(refusalOf(() => createKey({ ...createCi, expiresAt }, noKey))).toBe(expected);
  });

  it('keeps expiry and networks, each network once', () => {
    const expiresAt = new Date(now + 60_000).toISOString();
    const networks = ['10.0.0.0/8', '2001:db8::/32', '10.0.0.0/8'];
    const [event] = createKey({ ...createCi, expiresAt, networks }, noKey);
    expect(event?.data).toMatchObject({ expiresAt, networks: ['10.0.0.0/8', '2001:db8::/32'] });
  });

  it('reads an empty list of networks as any', () => {
    const [event] = createKey({ ...createCi, networks: [] }, noKey);
    expect(event?.data).not.toHaveProperty('networks');
  });

  it.each(['', 'CI', '-ci', 'c i', 'ci/main', 'a'.repeat(64)])('never lets the name %j into an event', (name) => {
    expect(() => createKey({ ...createCi, name }, noKey)).toThrow(RangeError);
  });

  it('never gives an id to a second key', () => {
    expect(() => createKey(createCi, keyAfter(...createKey(createCi, noKey)))).toThrow(RangeError);
  });

  it('forgets the fingerprint when folded: whoever has the state cannot recognise the key', () => {
    expect(JSON.stringify(keyAfter(...createKey(createCi, noKey)))).not.toContain(createCi.fingerprint);
  });
});
