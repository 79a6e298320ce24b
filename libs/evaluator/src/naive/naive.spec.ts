import { describe, expect, it } from '@jest/globals';
import { builtinRoles } from '../builtin-roles.js';
import type { Condition, FactChange, PolicyDocument, Request } from '../model.js';
import { truthOf, valueAt } from './condition.fixture.js';
import { accessMatches, actionMatches, entityMatches, networkHas } from './match.fixture.js';
import { naiveEvaluate } from './naive.fixture.js';

// The yardstick has to be right itself: each line was worked out by hand from semantics.md.

const ann = { type: 'user', id: 'ann' };
const team = { type: 'team', id: 'core' };
const app = { type: 'project', id: 'app' };
const api = { type: 'app', id: 'api' };

const ask = (name: string, changes: FactChange[], document?: PolicyDocument, request: Partial<Request> = {}) =>
  naiveEvaluate(
    builtinRoles,
    document,
    { tenantId: 'acme', changes: changes.map((change) => ({ tenantId: 'acme', change })) },
    { subject: ann, action: { name }, resource: api, ...request },
    0,
  );

const granted = (id: string, subject: typeof ann, role: string, scope: '*' | typeof app): FactChange => ({
  kind: 'granted',
  grant: { id, subject, role, scope },
});
const inApp: FactChange = {
  kind: 'described',
  facts: { entity: api, labels: { env: 'prod' }, properties: { tier: 1 }, parents: [app] },
};

describe('the naive evaluator', () => {
  it('knows no grant, a grant elsewhere, and one above', () => {
    expect(ask('logs.read', []).reason).toBe('no_grant');
    expect(ask('logs.read', [granted('g', ann, 'viewer', app)]).reason).toBe('no_permit');
    expect(ask('logs.read', [granted('g', ann, 'viewer', app), inApp])).toEqual({
      decision: true,
      reason: 'permitted',
      matched: [{ effect: 'permit', role: 'viewer', rule: 0, grant: 'g' }],
    });
    expect(ask('logs.read', [granted('g', ann, 'viewer', app), inApp, { kind: 'revoked', grantId: 'g' }]).reason).toBe(
      'no_grant',
    );
  });

  it('gives a member what its group holds, and the owner of a container what lies in it', () => {
    const joined: FactChange = { kind: 'joined', group: team, member: ann };
    expect(ask('logs.read', [granted('g', team, 'viewer', '*'), joined]).decision).toBe(true);
    expect(ask('logs.read', [granted('g', team, 'viewer', '*'), joined, { ...joined, kind: 'left' }]).decision).toBe(
      false,
    );
    const owned: FactChange = {
      kind: 'described',
      facts: { entity: app, labels: {}, properties: {}, parents: [api], owner: team },
    };
    expect(ask('anything', [inApp, owned, joined]).matched).toEqual([
      { effect: 'permit', role: 'owner', rule: 0, grant: 'owner:project/app' },
    ]);
  });

  it('lets any forbid win and refuses what cannot be known', () => {
    const when: Condition = { 'context.mfa': false };
    const rules = (effect: 'permit' | 'forbid'): PolicyDocument => ({
      rules: [{ type: 'selector', id: 'r', effect, who: { anyone: true }, when }],
    });
    const facts = [granted('g', ann, 'viewer', '*')];
    expect(ask('x', facts, rules('permit'))).toMatchObject({ reason: 'no_permit' });
    expect(ask('x', facts, rules('permit'), { context: { mfa: false } })).toMatchObject({ reason: 'permitted' });
    expect(ask('logs.read', facts, rules('forbid'))).toMatchObject({ reason: 'forbidden' });
    expect(ask('logs.read', facts, rules('forbid'), { context: { mfa: true } })).toMatchObject({ reason: 'permitted' });
  });

  it('lets no document widen what is guarded', () => {
    const document: PolicyDocument = {
      roles: [{ name: 'heir', inherits: ['owner'], rules: [{ effect: 'permit', actions: ['*'] }] }],
      rules: [{ type: 'selector', id: 'all', effect: 'permit', who: { anyone: true } }],
    };
    const heir = [granted('g', ann, 'heir', '*')];
    for (const name of ['policy.read', 'role.grant', 'tenant.update']) {
      expect(ask(name, heir, document)).toEqual({ decision: false, reason: 'no_permit', matched: [] });
      expect(ask(name, [granted('g', ann, 'owner', '*')], document).matched).toEqual([
        { effect: 'permit', role: 'owner', rule: 0, grant: 'g' },
      ]);
    }
    expect(ask('tenants', heir, document).matched).toHaveLength(3);
  });

  it('answers limits of a permit and obligations of either answer', () => {
    const targeted = { actions: ['logs.read'] };
    const limit = {
      type: 'rate_limit',
      id: 'l',
      requests_per_period: 1,
      period_seconds: 1,
      scope: 'global',
      ...targeted,
    } as const;
    const document: PolicyDocument = {
      rules: [
        limit,
        { type: 'obligation', id: 'b', on: 'permit', obligation: { type: 'log' }, ...targeted },
        { type: 'obligation', id: 'a', on: 'forbid', obligation: { type: 'alarm' }, ...targeted },
      ],
    };
    const permitted = ask('logs.read', [granted('g', ann, 'viewer', '*')], document);
    expect([permitted.limits, permitted.obligations]).toEqual([[limit], [{ id: 'b', type: 'log' }]]);
    const denied = ask('logs.read', [], document);
    expect([denied.limits, denied.obligations]).toEqual([undefined, [{ id: 'a', type: 'alarm' }]]);
  });
});

describe('a naive condition', () => {
  const request: Request = {
    subject: {
      ...ann,
      properties: { n: 2, list: [1, 'a', []], deep: { a: { b: null } }, ip: '::ffff:10.0.0.1', id: 'forged' },
    },
    action: { name: 'a.b' },
    resource: api,
  };
  const scene = { request, subject: undefined, resource: undefined, nowMs: Date.UTC(2026, 10, 22, 13) };

  it.each<[Condition, boolean | undefined]>([
    [{}, true],
    [{ 'subject.n': 2, 'subject.missing': 1 }, undefined],
    [{ 'subject.n': 3, 'subject.missing': 1 }, false],
    [{ any: [{ 'subject.n': 2 }, { 'subject.missing': 1 }] }, true],
    [{ any: [] }, false],
    [{ not: { 'subject.missing': 1 } }, undefined],
    [{ 'subject.missing': { exists: false } }, true],
    [{ 'subject.deep.a.b': { exists: true, eq: null } }, true],
    [{ 'subject.deep': { not: 1 } }, undefined],
    [{ 'subject.list': { contains: 'a' } }, true],
    [{ 'subject.list': { contains: 2 } }, false],
    [{ 'subject.n': { lt: '3' } }, undefined],
    [{ 'subject.n': { gte: 2, lt: { path: 'subject.list' } } }, undefined],
    [{ 'subject.n': { in: [{ path: 'subject.missing' }, 2] } }, true],
    [{ 'subject.n': { in: [{ path: 'subject.missing' }, 3] } }, undefined],
    [{ 'subject.ip': { cidr: '10.0.0.0/8' } }, true],
    [{ 'subject.ip': { cidr: '::/0' } }, false],
    [{ 'subject.id': 'ann' }, true],
    [{ 'subject.toString': { exists: true } }, false],
    [{ 'subject.list.length': { exists: true } }, false],
    [{ 'time.weekday': 7, 'time.hour': 13, 'time.date': '2026-11-22' }, true],
  ])('%j is %s', (condition, truth) => {
    expect(truthOf(condition, scene)).toBe(truth);
  });

  it('reads the owner and the labels of described facts only', () => {
    const facts = { entity: api, labels: { 'a.b': 'x' }, properties: {}, parents: [], owner: ann };
    expect(valueAt('resource.owner', { ...scene, resource: facts })).toBe('user/ann');
    expect(valueAt('resource.labels.a.b', { ...scene, resource: facts })).toBe('x');
    expect(valueAt('resource.owner', scene)).toBeUndefined();
  });
});

describe('a naive pattern', () => {
  it('is of an action', () => {
    expect([actionMatches('a.*', 'a.b'), actionMatches('a.*', 'ab'), actionMatches('*.b', 'a.b')]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('is of a resource', () => {
    expect(entityMatches('production', { type: 'scope', id: 'production' })).toBe(true);
    expect(entityMatches('secret/a/*', { type: 'secret', id: 'ab' })).toBe(false);
    expect(entityMatches('secret/a/*', { type: 'secret', id: 'a/b' })).toBe(true);
  });

  it.each<[string, typeof ann, boolean]>([
    ['A?N', ann, true],
    ['ann', { type: 'service', id: 'ann' }, false],
    ['service/*', { type: 'service', id: 'ann' }, true],
    ['[!b-z]nn', ann, true],
    ['regex:an', ann, false],
    ['regex:AN+', ann, true],
  ])('%s of names of %j', (pattern, subject, holds) => {
    expect(accessMatches(pattern, subject)).toBe(holds);
  });

  it.each<[string, string, boolean | undefined]>([
    ['10.0.0.0/31', '10.0.0.1', true],
    ['10.9.9.9/8', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['::ffff:10.0.0.0/104', '10.1.1.1', true],
    ['10.0.0.0/31', '10.0.0.2', false],
    ['2001:db8::/32', '2001:DB8::1', true],
    ['::1/128', '0:0:0:0:0:0:0:1', true],
    ['::/0', '1.2.3.4', false],
    ['::/0', '1::2::3', undefined],
    ['0.0.0.0/0', '010.0.0.1', undefined],
  ])('%s has %s: %s', (network, address, has) => {
    expect(networkHas(network, address)).toBe(has);
  });
});
