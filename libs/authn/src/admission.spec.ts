import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Admission } from './admission.js';
import { NotAuthenticated, type Principal, type TenantChoice } from './principal.js';

const now = Date.parse('2026-11-22T12:00:00Z');
const user: Principal = { type: 'user', id: 'u-1', tenantId: 'home', sessionId: 's-1', methods: ['pwd'] };
const service: Principal = { type: 'service', id: 'ci', tenantId: 'home', keyId: 'k-1' };

function world(): Admission {
  const admission = new Admission();
  for (const tenantId of ['home', 'second', 'strict', 'foreign'])
    admission.setTenant({ tenantId, closed: false, secondFactor: tenantId === 'strict' });
  admission.setTenant({ tenantId: 'closed', closed: true, secondFactor: false });
  for (const tenantId of ['home', 'second', 'strict', 'closed'])
    admission.setMember({ tenantId, userId: user.id, role: 'viewer' });
  return admission;
}

const outcome = (found: Principal, choice: TenantChoice = {}, admission = world()): string => {
  try {
    return admission.admit(found, choice).tenantId;
  } catch (error) {
    return error instanceof NotAuthenticated ? error.failure : String(error);
  }
};

describe('the tenant of a call', () => {
  it.each<[string, Principal, TenantChoice, string]>([
    ['is the credential’s own', user, {}, 'home'],
    ['is the one a person chose by id', user, { tenantId: 'second' }, 'second'],
    ['is the one a person chose by name', user, { tenantName: 'second' }, 'second'],
    ['is chosen by two headers that agree', user, { tenantId: 'second', tenantName: 'second' }, 'second'],
    ['is not chosen by two that differ', user, { tenantId: 'second', tenantName: 'home' }, 'tenant_ambiguous'],
    ['is not chosen by an empty header', user, { tenantId: '', tenantName: '' }, 'home'],
    ['is not one that does not exist', user, { tenantId: 'nowhere' }, 'tenant_unknown'],
    ['is not one where the person is no member', user, { tenantId: 'foreign' }, 'not_member'],
    ['is not one that was closed', user, { tenantId: 'closed' }, 'tenant_unknown'],
    ['is the service’s own', service, {}, 'home'],
    ['may be said by a service', service, { tenantName: 'home' }, 'home'],
    ['is no other for a service', service, { tenantId: 'foreign' }, 'not_member'],
    ['is not one that a service has heard of nowhere', service, { tenantId: 'nowhere' }, 'tenant_unknown'],
    ['is gone for a service whose tenant was closed', { ...service, tenantId: 'closed' }, {}, 'disabled'],
    ['is gone for a member who left', { ...user, tenantId: 'foreign' }, {}, 'not_member'],
    ['cannot be spelled in two parts', user, { tenantId: 'home/u-1' }, 'tenant_unknown'],
    ['has no letters but its own', user, { tenantId: 'HOME' }, 'tenant_unknown'],
  ])('%s', (_name, found, choice, expected) => {
    expect(outcome(found, choice)).toBe(expected);
  });

  it('is never one the caller does not belong to, whatever the headers say', () => {
    const text = fc.oneof(
      fc.constantFrom('home', 'second', 'strict', 'foreign', 'closed'),
      fc.string({ maxLength: 20 }),
    );
    const choice = fc.record({ tenantId: text, tenantName: text }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.constantFrom(user, service), choice, (found, headers) => {
        const tenantId = outcome(found, headers);
        expect(tenantId).not.toBe('foreign');
        expect(tenantId).not.toBe('closed');
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves the rest of the principal as it is, and a shared one untouched', () => {
    expect(world().admit(Object.freeze({ ...user }), { tenantId: 'second' })).toEqual({ ...user, tenantId: 'second' });
  });
});

describe('a tenant that asks for a second factor', () => {
  it.each([['otp'], ['hwk'], ['mfa'], ['rec']])('lets in whoever signed in with %s', (method) => {
    expect(outcome({ ...user, methods: ['pwd', method] }, { tenantId: 'strict' })).toBe('strict');
  });

  it.each<[string, Principal]>([
    ['a password alone', user],
    ['somebody else’s word for it', { ...user, methods: ['fed'] }],
    ['nothing said', { type: 'user', id: user.id, tenantId: 'home' }],
  ])('refuses %s', (_what, found) => {
    expect(outcome(found, { tenantId: 'strict' })).toBe('second_factor');
  });

  it('lets user keys in that were made there: making one took the factor', () => {
    expect(outcome({ type: 'user', id: user.id, tenantId: 'strict', keyId: 'k-2' })).toBe('strict');
  });

  it('refuses user keys that were made elsewhere, where a password alone may do', () => {
    const key: Principal = { type: 'user', id: user.id, tenantId: 'home', keyId: 'k-2' };
    expect(outcome(key, { tenantId: 'strict' })).toBe('second_factor');
    expect(outcome(key, { tenantId: 'second' })).toBe('second');
  });

  it('lets in who comes to add one, members only', () => {
    const withoutSecondFactor = true;
    expect(outcome(user, { tenantId: 'strict', withoutSecondFactor })).toBe('strict');
    expect(outcome(user, { tenantId: 'foreign', withoutSecondFactor })).toBe('not_member');
  });
});

describe('somebody who is not let in any more', () => {
  it('is refused before any tenant is looked at', () => {
    const admission = world();
    admission.refuse(user.id);
    expect(outcome(user, { tenantId: 'nowhere' }, admission)).toBe('disabled');
    admission.letIn(user.id);
    expect(outcome(user, {}, admission)).toBe('home');
  });

  it('is whoever has a token of an ended sign-in, and nobody else', () => {
    const admission = world();
    admission.endSession({ sessionId: 's-1', endedAt: new Date(now) }, now);
    expect(outcome(user, {}, admission)).toBe('ended');
    expect(outcome({ ...user, sessionId: 's-2' }, {}, admission)).toBe('home');
  });

  it('forgets ends after a day', () => {
    const admission = world();
    admission.endSession({ sessionId: 's-1', endedAt: new Date(now) }, now);
    admission.endSession({ sessionId: 's-2', endedAt: new Date(now) }, now + 24 * 3_600_000);
    expect(outcome(user, {}, admission)).toBe('ended');
    admission.endSession({ sessionId: 's-3', endedAt: new Date(now) }, now + 24 * 3_600_000 + 1);
    expect(outcome(user, {}, admission)).toBe('home');
  });
});
