import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compile } from './compile.js';
import { evaluate } from './evaluate.js';
import { LiveFacts } from './facts/live-facts.js';
import { changes } from './facts/random-changes.fixture.js';
import type { Decision, FactChange, PolicyDocument, PolicyRule, Request } from './model.js';
import { randomCase } from './naive/generate-case.fixture.js';
import { parseRequest } from './parse-request.js';
import { policyErrors } from './policy-errors.js';
import { recordedPart } from './recorded-part.js';

const tenantId = 'acme';

function factsOf(all: readonly FactChange[]): LiveFacts {
  const facts = new LiveFacts();
  for (const change of all) facts.apply(tenantId, change);
  return facts;
}

interface Case {
  readonly document: PolicyDocument | undefined;
  readonly changes: readonly FactChange[];
  readonly requests: readonly Request[];
  readonly nowMs: number;
}

/** Cases of the naive evaluator's generator: documents that compile, facts and requests of the same few names. */
const someCase: fc.Arbitrary<Case> = fc.nat(2 ** 30).map((seed) => {
  const { document, facts, requests, nowMs } = randomCase(seed, 6);
  const own = facts.changes.filter((each) => each.tenantId === facts.tenantId).map(({ change }) => change);
  return {
    document: document && policyErrors(document).length === 0 ? document : undefined,
    changes: own,
    requests,
    nowMs,
  };
});

const decide = ({ document, changes: all, nowMs }: Case, request: Request): Decision =>
  evaluate(compile({ digest: 'd', ...(document && { document }) }), factsOf(all).tenant(tenantId), request, nowMs);

const withRule = (document: PolicyDocument | undefined, rule: PolicyRule): PolicyDocument => ({
  ...document,
  rules: [...(document?.rules ?? []), rule],
});

describe('a decision', () => {
  it('is forbidden by any forbid that applies, whoever permits', () => {
    const forbid = { type: 'selector', id: 'barred', effect: 'forbid', who: { anyone: true } } as const;
    let overridden = 0;
    fc.assert(
      fc.property(someCase, (given) => {
        for (const request of given.requests) {
          // The document is not read for actions that decide what may be decided.
          if (request.action.name.startsWith('policy.')) continue;
          if (decide(given, request).decision) overridden++;
          const found = decide({ ...given, document: withRule(given.document, forbid) }, request);
          expect([found.decision, found.reason]).toEqual([false, 'forbidden']);
        }
      }),
      { numRuns: 150 },
    );
    expect(overridden).toBeGreaterThan(30);
  });

  it('refuses what a forbid, and permits nothing that a permit, can’t know', () => {
    const rule = (effect: 'permit' | 'forbid'): PolicyRule => ({
      type: 'selector',
      id: 'unknown',
      effect,
      who: { anyone: true },
      when: { 'context.never_given': { eq: 1 } },
    });
    fc.assert(
      fc.property(someCase, (given) => {
        for (const request of given.requests) {
          if (request.action.name.startsWith('policy.')) continue;
          expect(decide({ ...given, document: withRule(given.document, rule('permit')) }, request)).toEqual(
            decide(given, request),
          );
          expect(decide({ ...given, document: withRule(given.document, rule('forbid')) }, request).reason).toBe(
            'forbidden',
          );
        }
      }),
      { numRuns: 100 },
    );
  });

  it('does not depend on the order of facts, roles, rules and patterns', () => {
    const reversed = (document: PolicyDocument): PolicyDocument => ({
      ...document,
      ...(document.roles && { roles: [...document.roles].reverse() }),
      ...(document.rules && { rules: [...document.rules].reverse() }),
    });
    fc.assert(
      fc.property(someCase, (given) => {
        const facts = factsOf(given.changes).tenant(tenantId);
        // What is so in the end, told in another order: the grants turned around behind everything else.
        const grants = given.changes.filter(({ kind }) => kind === 'granted' || kind === 'revoked');
        const others = given.changes.filter((change) => !grants.includes(change));
        const last = new Map(
          grants.map((change) => [change.kind === 'granted' ? change.grant.id : idOf(change), change]),
        );
        const turned = factsOf([...[...last.values()].reverse(), ...others]).tenant(tenantId);
        const policy = compile({ digest: 'd', ...(given.document && { document: given.document }) });
        const other = compile({ digest: 'd', ...(given.document && { document: reversed(given.document) }) });
        for (const request of given.requests)
          expect(evaluate(other, turned, request, given.nowMs)).toEqual(evaluate(policy, facts, request, given.nowMs));
      }),
      { numRuns: 250 },
    );
  });

  it('is a deny without facts, but for what a rule of the document permits', () => {
    fc.assert(
      fc.property(someCase, (given) => {
        for (const request of given.requests) {
          const found = decide({ ...given, document: undefined, changes: [] }, request);
          expect(found).toEqual({ decision: false, reason: 'no_grant', matched: [] });
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is the same of the recorded part of a request', () => {
    let smaller = 0;
    fc.assert(
      fc.property(someCase, ({ document, changes: all, requests, nowMs }) => {
        const policy = compile({ digest: 'd', ...(document && { document }) });
        const facts = factsOf(all).tenant(tenantId);
        for (const request of requests) {
          const { subject, action, resource } = request;
          const part = recordedPart(policy, request);
          const recorded: Request = {
            subject: { type: subject.type, id: subject.id, ...(part?.subject && { properties: part.subject }) },
            action: { name: action.name, ...(part?.action && { properties: part.action }) },
            resource: { type: resource.type, id: resource.id, ...(part?.resource && { properties: part.resource }) },
            ...(part?.context && { context: part.context }),
          };
          if (JSON.stringify(recorded).length < JSON.stringify(request).length) smaller++;
          expect(evaluate(policy, facts, recorded, nowMs)).toEqual(evaluate(policy, facts, request, nowMs));
        }
      }),
      { numRuns: 500 },
    );
    expect(smaller).toBeGreaterThan(500);
  });
});

const decideBy = (document: PolicyDocument, facts: LiveFacts, request: Request): boolean =>
  evaluate(compile({ digest: 'd', document }), facts.tenant(tenantId), request, 0).decision;

const idOf = (change: FactChange): string => (change.kind === 'revoked' ? change.grantId : '');

describe('totality', () => {
  const hostile = fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', '*', 'length', '\u0130');
  const attributes = fc.oneof(
    { weight: 9, arbitrary: fc.dictionary(hostile, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }) },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  const nearly = fc.record(
    {
      subject: fc.record({ type: hostile, id: hostile, properties: attributes }, { requiredKeys: ['type', 'id'] }),
      action: fc.record({ name: hostile, properties: attributes }, { requiredKeys: ['name'] }),
      resource: fc.record({ type: hostile, id: hostile, properties: attributes }, { requiredKeys: ['type', 'id'] }),
      context: attributes,
    },
    { requiredKeys: ['subject', 'action', 'resource'] },
  );
  const document: PolicyDocument = {
    roles: [{ name: 'constructor', rules: [{ effect: 'permit', actions: ['toString', 'constructor'] }] }],
    rules: [
      {
        type: 'selector',
        id: '__proto__',
        effect: 'permit',
        who: [{ users: ['__proto__'] }, { labels: { constructor: '*' } }, { relations: ['__proto__'] }],
        what: { labels: { __proto__: 'x' } },
        when: {
          any: [
            { 'subject.__proto__.constructor': { exists: true } },
            { 'context.constructor': 1 },
            { 'context.toString.length': { gt: 0 } },
            { 'time.now': { prefix: '2026' } },
          ],
        },
      },
      { type: 'access', id: 'constructor', mode: 'allow', patterns: ['*o*', 'regex:.*', '__proto__'] },
    ],
  };
  const policy = compile({ digest: 'd', document });

  it('any JSON is refused or decided, at any time, and nothing of an object’s prototype is read', () => {
    let decided = 0;
    const anyTime = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, 8.64e15 + 1, -8.64e15));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), nearly), changes(15), anyTime, (value, all, nowMs) => {
        const parsed = parseRequest(JSON.parse(JSON.stringify(value)));
        if (!parsed.ok) return expect(parsed.errors.length).toBeGreaterThan(0);
        decided++;
        const facts = factsOf(all).tenant(tenantId);
        for (const by of [policy, compile({ digest: 'b' })])
          expect(typeof evaluate(by, facts, parsed.value, nowMs).decision).toBe('boolean');
      }),
      { numRuns: 1_500 },
    );
    expect(decided).toBeGreaterThan(500);
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'the name %s, which every object has, is missing',
    (name) => {
      const entity = { type: 'user', id: 'u' };
      const facts = factsOf([{ kind: 'described', facts: { entity, labels: {}, properties: {}, parents: [] } }]);
      const paths = ['subject', 'subject.labels', 'action', 'resource', 'resource.labels', 'context', 'context.a'];
      for (const path of paths) {
        const when = { [`${path}.${name}`]: { exists: true } };
        const document: PolicyDocument = {
          rules: [{ type: 'selector', id: name, effect: 'permit', who: { anyone: true }, when }],
        };
        const request = {
          subject: entity,
          action: { name: 'a', properties: {} },
          resource: entity,
          context: { a: {} },
        };
        expect([path, decideBy(document, facts, request)]).toEqual([path, false]);
      }
      expect(decideBy({}, new LiveFacts(), { subject: entity, action: { name }, resource: entity })).toBe(false);
    },
  );

  it('decides with huge lists', () => {
    const list = Array.from({ length: 100_000 }, (_, i) => i);
    const wide = compile({
      digest: 'd',
      document: {
        rules: [
          {
            type: 'selector',
            id: 'in',
            effect: 'permit',
            who: { anyone: true },
            when: { 'context.list': { contains: -1 } },
          },
        ],
      },
    });
    const request = { subject: { type: 'user', id: 'u' }, action: { name: 'a' }, resource: { type: 'b', id: 'c' } };
    expect(evaluate(wide, new LiveFacts().tenant('t'), { ...request, context: { list } }, 0).reason).toBe('no_grant');
  });
});

describe('guarded actions', () => {
  const subject = { type: 'user', id: 'u' };
  const everything: PolicyDocument = {
    roles: [
      { name: 'ops', rules: [{ effect: 'permit', actions: ['*'] }] },
      { name: 'chief', inherits: ['owner'], rules: [] },
    ],
    rules: [
      { type: 'selector', id: 'all', effect: 'permit', who: { anyone: true } },
      { type: 'access', id: 'names', mode: 'allow', patterns: ['*'] },
      { type: 'cedar', id: 'cedar', text: 'permit (principal, action, resource);' },
    ],
  };
  const ask = (name: string, type = 'role', document = everything, role = 'ops') =>
    evaluate(
      compile({ digest: 'd', document }),
      factsOf([{ kind: 'granted', grant: { id: 'g', subject, role, scope: '*' } }]).tenant(tenantId),
      { subject, action: { name }, resource: { type, id: 'owner' } },
      0,
    ).decision;

  it('are permitted by no document', () => {
    for (const role of ['ops', 'chief'])
      for (const name of ['policy.write', 'role.grant', 'tenant.close'])
        expect([role, name, ask(name, 'role', everything, role)]).toEqual([role, name, false]);
    expect(ask('roles.grant')).toBe(true);
    expect(ask('role.grant', 'role', everything, 'owner')).toBe(true);
  });

  it('are forbidden by a document, but for those of policies: a bad one can be taken back', () => {
    const none: PolicyDocument = {
      rules: [{ type: 'selector', id: 'none', effect: 'forbid', who: { anyone: true } }],
    };
    expect(ask('role.grant', 'role', none, 'owner')).toBe(false);
    expect(ask('policy.activate', 'service', none, 'owner')).toBe(true);
  });

  it('are nobody’s by owning what Gatehouse itself owns', () => {
    const owned: FactChange = {
      kind: 'described',
      facts: {
        entity: { type: 'role', id: 'owner' },
        labels: {},
        properties: {},
        parents: [{ type: 'project', id: 'mine' }],
        owner: subject,
      },
    };
    const project = { type: 'project', id: 'mine' };
    const facts = factsOf([
      owned,
      { kind: 'granted', grant: { id: 'g', subject, role: 'owner', scope: project } },
    ]).tenant(tenantId);
    const request = { subject, action: { name: 'role.grant' }, resource: { type: 'role', id: 'owner' } };
    expect(evaluate(compile({ digest: 'd' }), facts, request, 0).decision).toBe(false);
  });
});
