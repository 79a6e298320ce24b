import type { Envelope } from '@gatehouse/contracts';
import { fold, type NewEvent, writeEvent } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Audience, audienceDecider, audienceStream, readAudienceName } from './audience.js';
import { changeAudience, createAudience, deactivateAudience, reactivateAudience } from './change-audience.js';
import { claimsOf, highestRole, holderOf } from './satellite-token.js';

const billing = { name: 'billing', access: 'tenant', guests: false, showsEmail: false } as const;
const context = { tenantId: 'main', actor: { type: 'user', id: 'u' }, now: 0, correlationId: 't' };
const none: Audience = { status: 'none' };

const after = (...events: readonly NewEvent[]): Audience =>
  fold(
    audienceDecider,
    events.map((event, i): Envelope => writeEvent(event, audienceStream('billing'), i + 1, context).envelope),
  );

describe('an audience', () => {
  const created = createAudience(billing, none);
  const off = deactivateAudience('moved', after(...created));

  it('is made once; an inactive one keeps its name', () => {
    expect(created).toEqual([{ type: 'audience.created', version: 1, data: billing }]);
    for (const state of [after(...created), after(...created, ...off)])
      expect(() => createAudience(billing, state)).toThrow(expect.objectContaining({ code: 'audience_name_taken' }));
  });

  it('changes what is given, and nothing is no event', () => {
    expect(changeAudience({ guests: true }, after(...created))).toEqual([
      { type: 'audience.changed', version: 1, data: { ...billing, guests: true } },
    ]);
    expect(changeAudience({ guests: false }, after(...created))).toEqual([]);
  });

  it('is deactivated and reactivated once each', () => {
    const inactive = after(...created, ...off);
    expect(inactive).toMatchObject({ status: 'inactive', reason: 'moved' });
    expect(deactivateAudience('again', inactive)).toEqual([]);
    const on = reactivateAudience(inactive);
    expect(after(...created, ...off, ...on)).toEqual(after(...created));
    expect(reactivateAudience(after(...created))).toEqual([]);
  });

  it('must exist to be changed', () => {
    for (const work of [changeAudience.bind(null, {}), deactivateAudience.bind(null, undefined), reactivateAudience])
      expect(() => work(none)).toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  it.each([
    [' Billing ', 'billing'],
    ['b', 'b'],
    ['a'.repeat(63), 'a'.repeat(63)],
  ])('%j is named %j', (text, name) => expect(readAudienceName(text)).toBe(name));

  it.each(['', ' ', '-a', 'a.b', 'urn:gatehouse:api', 'a'.repeat(64), 'a b'])('%j is no name', (text) =>
    expect(readAudienceName(text)).toBeUndefined(),
  );
});

describe('who a token speaks of', () => {
  const claims = { issuer: 'https://x', audience: 'billing', jti: 'j', role: 'viewer' };

  it('comes back as it went in, and no two are the same', () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/);
    const user = fc.record({ type: fc.constant('user'), id: fc.uuid(), tenantId: name });
    const service = fc.record({ type: fc.constant('service'), id: name, tenantId: name });
    fc.assert(
      fc.property(fc.oneof(user, service), (holder) => {
        const { sub = '', tenant } = claimsOf({ ...claims, holder });
        expect(holderOf(sub, tenant)).toEqual(holder);
        expect(sub).not.toBe('guest');
      }),
    );
    expect(holderOf('guest', claimsOf(claims).tenant)).toBe('guest');
  });

  it.each([
    ['guest', 'main'],
    ['service:other:ci', 'main'],
    ['service:main:ci:x', 'main'],
    ['device:main:ci', 'main'],
    ['ci', 'main'],
    ['', undefined],
  ])('%j of %j is nobody', (sub, tenant) => expect(holderOf(sub, tenant)).toBeUndefined());

  it.each([
    [['viewer', 'admin'], 'admin'],
    [['zeta', 'beta'], 'beta'],
    [[], 'none'],
  ])('of %j the role is %s', (roles, role) => expect(highestRole(roles)).toBe(role));
});
