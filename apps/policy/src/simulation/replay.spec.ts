import type { PolicyDocument } from '@gatehouse/evaluator';
import { describe, expect, it } from '@jest/globals';
import { Replay } from './replay.js';
import { decided, factsOf, granted, policyOf, reader } from './simulation.fixture.js';

const facts = factsOf(granted('g1', 'ann', 'reader'));
const v1 = policyOf('v1', { roles: [reader] });
const withRule = (rule: object): PolicyDocument =>
  ({
    roles: [reader],
    rules: [{ type: 'selector', id: 'r', who: { anyone: true }, ...rule }],
  }) as unknown as PolicyDocument;
const denied = decided({ isPermitted: false, reason: 'no_grant', matched: [] });

describe('a replay', () => {
  it('of the policy that decided finds nothing', () => {
    const replay = new Replay('acme', 'active');
    expect([replay.add(decided(), facts, v1), replay.add(denied, factsOf(), v1)]).toEqual(['same', 'same']);
    expect(replay.result()).toMatchObject({ decisions: 2, newlyAllowed: { total: 0 }, newlyDenied: { total: 0 } });
  });

  it('tells who loses what, and by which rule he had it', () => {
    const replay = new Replay('acme', policyOf('v2', withRule({ effect: 'forbid', actions: ['doc.*'] })));
    expect(replay.add(decided(), facts, v1)).toBe('newly_denied');
    expect(replay.result().newlyDenied).toEqual({
      total: 1,
      byRole: [{ name: 'reader', count: 1 }],
      byRule: [],
      byResourceType: [{ name: 'doc', count: 1 }],
      byAction: [{ name: 'doc.read', count: 1 }],
      bySubject: [{ name: 'user/ann', count: 1 }],
      examples: [
        {
          id: 'e1',
          at: '2026-11-01T00:00:00.000Z',
          subject: 'user/ann',
          action: 'doc.read',
          resource: 'doc/d1',
          before: { reason: 'permitted', matched: ['reader#0@g1'] },
          after: { reason: 'forbidden', matched: ['r', 'reader#0@g1'] },
        },
      ],
    });
  });

  it('tells who gains what, and by which rule', () => {
    const replay = new Replay('acme', policyOf('v2', withRule({ effect: 'permit' })));
    expect(replay.add(denied, factsOf(), v1)).toBe('newly_allowed');
    expect(replay.result().newlyAllowed).toMatchObject({ total: 1, byRule: [{ name: 'r', count: 1 }], byRole: [] });
  });

  it('takes what the policy said under audit_only, not what was answered', () => {
    const replay = new Replay('acme', 'active');
    expect(replay.add(decided({ isPermitted: false, reason: 'no_grant' }), factsOf(), v1)).toBe('same');
  });

  it('leaves a credential limited to other actions where it is', () => {
    const replay = new Replay('acme', policyOf('v2', withRule({ effect: 'permit' })));
    expect(replay.add(decided({ isPermitted: false, reason: 'out_of_scope' }), facts, v1)).toBe('same');
  });

  it('widens no guarded action', () => {
    const replay = new Replay('acme', policyOf('v2', withRule({ effect: 'permit' })));
    const { request } = denied;
    for (const name of ['policy.activate', 'role.grant', 'tenant.update'])
      expect(replay.add({ ...denied, request: { ...request, action: { name } } }, factsOf(), v1)).toBe('same');
  });

  it('cannot tell where the version of the time is not known', () => {
    const replay = new Replay('acme', 'active');
    expect(replay.add(decided(), facts, undefined)).toBe('undecidable');
    expect(replay.result().undecidable).toMatchObject({ total: 1, unknownVersion: 1 });
  });
});

describe('a candidate that reads what was not recorded', () => {
  const mfa = { 'context.mfa': true };

  it('is undecidable where the answer hangs on it, and only there', () => {
    const replay = new Replay('acme', policyOf('v2', withRule({ effect: 'permit', when: mfa })));
    expect(replay.add(denied, factsOf(), v1)).toBe('undecidable');
    // Allowed by the role in any case.
    expect(replay.add(decided(), facts, v1)).toBe('same');
    expect(replay.result().undecidable).toMatchObject({ total: 1, unknownVersion: 0, paths: ['context.mfa'] });
  });

  it('is undecidable for a forbid, too, and decidable when another test fails', () => {
    const forbids = (when: object) => new Replay('acme', policyOf('v2', withRule({ effect: 'forbid', when })));
    expect(forbids({ not: mfa }).add(decided(), facts, v1)).toBe('undecidable');
    expect(forbids({ ...mfa, 'resource.type': 'project' }).add(decided(), facts, v1)).toBe('same');
    expect(forbids({ any: [{ not: mfa }, { 'resource.type': 'doc' }] }).add(decided(), facts, v1)).toBe('newly_denied');
    expect(forbids({ 'subject.id': { path: 'context.name' } }).add(decided(), facts, v1)).toBe('undecidable');
    expect(forbids({ 'context.mfa': { exists: false } }).add(decided(), facts, v1)).toBe('undecidable');
    // Below a `not` the unknown counts the other way round.
    expect(forbids({ ...mfa, not: { 'context.home': true } }).add(decided(), facts, v1)).toBe('undecidable');
  });

  it('is undecidable by Cedar, where it speaks of the action and nothing else decides', () => {
    const text = 'forbid(principal, action == Action::"doc.read", resource) when { !(context has mfa) };';
    const cedar = { type: 'cedar', id: 'c', text } as const;
    const replay = new Replay('acme', policyOf('v2', { roles: [reader], rules: [cedar] }));
    expect(replay.add(decided(), facts, v1)).toBe('undecidable');
    const { request } = denied;
    expect(replay.add({ ...denied, request: { ...request, action: { name: 'doc.write' } } }, factsOf(), v1)).toBe(
      'same',
    );
  });

  it('is decidable when the version of the time kept it, also when it was not there', () => {
    const keeping = policyOf('v1', { roles: [reader], record: ['context.mfa'] });
    const replay = new Replay('acme', policyOf('v2', withRule({ effect: 'permit', when: mfa })));
    expect(replay.add(denied, factsOf(), keeping)).toBe('same');
    const given = { ...denied, request: { ...denied.request, context: { mfa: true } } };
    expect(replay.add(given, factsOf(), keeping)).toBe('newly_allowed');
  });
});

describe('rate limits in a replay', () => {
  const limit = { type: 'rate_limit', id: 'l', requests_per_period: 2, period_seconds: 60, scope: 'per_user' } as const;
  const limited = (over: object = {}) => ({ roles: [reader], rules: [{ ...limit, ...over }] });
  const at = (seconds: number) => decided({ decidedAtMs: Date.UTC(2026, 10, 1, 0, 0, seconds) });
  const refused = decided({ isPermitted: false, reason: 'rate_limited', limits: ['l'] });

  it('that are the same keep what was recorded, however many there are', () => {
    const then = policyOf('v1', limited());
    const replay = new Replay('acme', policyOf('v2', limited()));
    const outcomes = [at(0), at(0), at(0), at(0), refused].map((one) => replay.add(one, facts, then));
    expect(outcomes).toEqual(Array(5).fill('same'));
  });

  it('that are new are counted in order of time', () => {
    const replay = new Replay('acme', policyOf('v2', limited()));
    const outcomes = [at(0), at(1), at(2), at(29), at(31), at(32)].map((one) => replay.add(one, facts, v1));
    expect(outcomes).toEqual(['same', 'same', 'newly_denied', 'newly_denied', 'same', 'newly_denied']);
  });

  it('say nothing of questions about the past, which consume nothing', () => {
    const replay = new Replay('acme', policyOf('v2', limited({ requests_per_period: 1 })));
    const outcomes = [1, 2, 3].map(() => replay.add({ ...at(0), asOf: '2026-10-01' }, facts, v1));
    expect(outcomes).toEqual(['same', 'same', 'same']);
  });

  it('say nothing of what was allowed before and is asked about again, as of the sessions of a device', () => {
    const replay = new Replay('acme', policyOf('v2', limited()));
    const rechecked = { ...at(0), again: true, asker: 'gatehouse/relay' } as const;
    const outcomes = [at(0), rechecked, rechecked, rechecked, at(0), at(0)].map((one) => replay.add(one, facts, v1));
    expect(outcomes).toEqual([...Array(5).fill('same'), 'newly_denied']);
  });

  it('that have other numbers are counted, and let in whom the old ones refused', () => {
    const replay = new Replay('acme', policyOf('v2', limited({ requests_per_period: 3 })));
    expect(replay.add(refused, facts, policyOf('v1', limited()))).toBe('newly_allowed');
  });
});
