import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Attributes,
  compile,
  evaluate,
  LiveFacts,
  PolicyError,
  policyErrors,
  recordedPart,
  searchActions,
  searchSubjects,
} from '../index.js';

const now = Date.parse('2026-11-22T09:30:00Z');
const rule = (text: string, id = 'c') => ({ type: 'cedar' as const, id, text });
const compiled = (...texts: string[]) =>
  compile({ digest: 'd', document: { rules: texts.map((text, i) => rule(text, `c${i}`)) } });
const ask = (id: string, action: string, resource = 'doc/plan', context?: Attributes) => ({
  subject: { type: 'user', id },
  action: { name: action },
  resource: { type: resource.split('/')[0] as string, id: resource.split('/')[1] as string },
  ...(context && { context }),
});

describe('Cedar rules of a document', () => {
  let facts: LiveFacts;
  const decide = (policy: ReturnType<typeof compile>, request: ReturnType<typeof ask>) =>
    evaluate(policy, facts.tenant('acme'), request, now);

  beforeEach(() => {
    facts = new LiveFacts();
    const grant = { id: 'g_1', subject: { type: 'user', id: 'ann' }, role: 'owner', scope: '*' as const };
    facts.apply('acme', { kind: 'granted', grant });
    facts.apply('acme', { kind: 'joined', group: { type: 'team', id: 'core' }, member: { type: 'user', id: 'bob' } });
    const entity = { type: 'doc', id: 'plan' };
    const described = {
      entity,
      labels: { env: 'prod' },
      properties: { secret: true },
      parents: [{ type: 'folder', id: 'top' }],
    };
    facts.apply('acme', { kind: 'described', facts: described });
  });

  it('permit, and stand in the evidence', () => {
    const policy = compiled(
      '@id("core") permit(principal in team::"core", action == Action::"doc.read", resource in folder::"top");',
    );
    expect(decide(policy, ask('bob', 'doc.read'))).toEqual({
      decision: true,
      reason: 'permitted',
      matched: [{ effect: 'permit', policy: 'c0/core' }],
    });
    expect(decide(policy, ask('bob', 'doc.write')).decision).toBe(false);
    expect(decide(policy, ask('bob', 'doc.read', 'doc/other')).decision).toBe(false);
    expect(decide(policy, ask('eve', 'doc.read')).reason).toBe('no_grant');
  });

  it('forbid what a role permits', () => {
    const policy = compiled(
      'forbid(principal, action, resource) when { resource.labels.env == "prod" && !(context has mfa && context.mfa) };',
    );
    expect(decide(policy, ask('ann', 'deploy.production'))).toEqual({
      decision: false,
      reason: 'forbidden',
      matched: [
        { effect: 'forbid', policy: 'c0/policy0' },
        { effect: 'permit', role: 'owner', rule: 0, grant: 'g_1' },
      ],
    });
    expect(decide(policy, ask('ann', 'deploy.production', 'doc/plan', { mfa: true })).decision).toBe(true);
    // A subject's own word does not replace a label.
    const given = {
      ...ask('ann', 'deploy.production'),
      resource: { type: 'doc', id: 'plan', properties: { labels: { env: 'dev' } } },
    };
    expect(decide(policy, given).decision).toBe(false);
  });

  it('see the roles that are held on the resource, and no entity of that name', () => {
    const policy = compiled('permit(principal in role::"owner", action == Action::"doc.read", resource);');
    const matched = decide(policy, ask('ann', 'doc.read')).matched;
    expect(matched).toContainEqual({ effect: 'permit', policy: 'c0/policy0' });
    facts.apply('acme', { kind: 'joined', group: { type: 'role', id: 'owner' }, member: { type: 'user', id: 'eve' } });
    expect(decide(policy, ask('eve', 'doc.read')).decision).toBe(false);
    expect(decide(policy, { ...ask('', 'doc.read'), subject: { type: 'role', id: 'owner' } }).decision).toBe(false);
  });

  it.each(['policy.activate', 'role.grant', 'tenant.delete'])('never permit %s', (action) => {
    const policy = compiled('permit(principal, action, resource);');
    expect(decide(policy, ask('eve', action)).decision).toBe(false);
    expect(decide(policy, ask('eve', 'doc.read')).decision).toBe(true);
  });

  it('forbid role and tenant actions, and are not asked of policy actions', () => {
    const policy = compiled('forbid(principal, action, resource);');
    expect(decide(policy, ask('ann', 'role.grant')).reason).toBe('forbidden');
    expect(decide(policy, ask('ann', 'tenant.update')).reason).toBe('forbidden');
    expect(decide(policy, ask('ann', 'policy.activate')).reason).toBe('permitted');
  });

  it('do not apply where they fail, and nothing throws', () => {
    const policy = compiled(
      'permit(principal, action, resource) when { context.n + 1 > 1 };',
      'forbid(principal, action, resource) when { context.n.x };',
    );
    expect(decide(policy, ask('bob', 'doc.read')).reason).toBe('no_grant');
    expect(decide(policy, ask('bob', 'doc.read', 'doc/plan', { n: Number.MAX_SAFE_INTEGER })).decision).toBe(true);
    expect(decide(policy, ask('bob', 'doc.read', 'doc/plan', { n: 1e300 })).decision).toBe(false);
    const deep = JSON.parse(`${'['.repeat(4_000)}${']'.repeat(4_000)}`);
    expect(
      decide(
        compiled('permit(principal, action, resource) when { context.n == [[]] };'),
        ask('bob', 'doc.read', 'doc/plan', { n: deep }),
      ).decision,
    ).toBe(false);
  });

  it('have what they read recorded, and decide the same on that', () => {
    const policy = compiled(
      'permit(principal, action, resource) when { principal.level > 3 && context.action.soft && context has mfa };',
    );
    expect(policy.recorded).toEqual(['action.soft', 'context.mfa', 'resource.level', 'subject.level']);
    const request = {
      subject: { type: 'user', id: 'bob', properties: { level: 4, phone: '1' } },
      action: { name: 'doc.read', properties: { soft: true, note: 'x' } },
      resource: { type: 'doc', id: 'plan', properties: { size: 1 } },
      context: { mfa: true, ip: '10.0.0.1' },
    };
    const part = recordedPart(policy, request);
    expect(part).toEqual({ subject: { level: 4 }, action: { soft: true }, context: { mfa: true } });
    const again = {
      subject: { type: 'user', id: 'bob', properties: part?.subject ?? {} },
      action: { name: 'doc.read', properties: part?.action ?? {} },
      resource: { type: 'doc', id: 'plan', properties: part?.resource ?? {} },
      context: part?.context ?? {},
    };
    expect(decide(policy, request).decision).toBe(true);
    expect(decide(policy, again)).toEqual(decide(policy, request));
  });

  it('are searched', () => {
    const policy = compiled('permit(principal in team::"core", action == Action::"doc.sign", resource is doc);');
    const resource = { type: 'doc', id: 'plan' };
    expect(
      searchSubjects(policy, facts.tenant('acme'), { type: 'user', action: { name: 'doc.sign' }, resource }, now),
    ).toEqual(['ann', 'bob']);
    expect(
      searchActions(policy, facts.tenant('acme'), { subject: { type: 'user', id: 'bob' }, resource }, now),
    ).toEqual(['doc.sign']);
  });

  it('are refused with the place of the mistake', () => {
    const document = {
      rules: [rule('permit(principal, action, resource);', 'a'), rule('permit(\n  principal, action);', 'b')],
    };
    expect(policyErrors(document)).toEqual([{ path: 'rules.1.text', message: expect.stringMatching(/^2:\d+ /) }]);
    expect(() => compile({ digest: 'd', document })).toThrow(PolicyError);
    const large = Array.from({ length: 5 }, (_, i) =>
      rule(`//${'x'.repeat(60_000)}\npermit(principal, action, resource);`, `r${i}`),
    );
    expect(policyErrors({ rules: large })).toEqual([
      { path: 'rules', message: 'must have at most 262144 characters of Cedar' },
    ]);
  });
});
