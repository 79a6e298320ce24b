import { randomBytes } from 'node:crypto';
import { compile, LiveFacts, type PolicyDocument } from '@gatehouse/evaluator';
import { describe, expect, it } from '@jest/globals';
import { recordableVersion } from '../version/recordable-version.js';
import { decideAt } from './outcome.js';

/*
 * Decisions are made on what may be recorded. Who may choose the name of a resource must not get around a rule by putting an
 * address or a key into it.
 */
const pepper = randomBytes(32);
const everything = { type: 'selector', id: 'all', effect: 'permit', who: { anyone: true }, actions: ['*'] };
const forbid = (more: object) => ({ type: 'selector', id: 'no', effect: 'forbid', ...more });

/** Whether somebody may read, under rules as they are kept. */
function allows(rules: readonly object[], id: string, properties?: Readonly<Record<string, string>>): boolean {
  const document = { rules } as unknown as PolicyDocument;
  const { content, errors } = recordableVersion(pepper, { document, actions: [], tests: [] });
  expect(errors).toEqual([]);
  const policy = compile({ digest: 'd', document: content.document });
  const facts = new LiveFacts().tenant('acme');
  const question = {
    tenantId: 'acme',
    subject: { type: 'user', id: 'u_7' },
    action: 'secret.read',
    resource: { type: 'secret', id, ...(properties && { properties }) },
  };
  return decideAt({ policy, facts, position: '1.1', mode: 'strict', nowMs: 0 }, question, pepper).decision;
}

const evasive = [
  'production/x@y.org',
  'production/@/x',
  'production/db/ann@example.org/key',
  `production/mas_${'a'.repeat(54)}`,
];

describe('a forbid on everything below a path', () => {
  it.each(evasive)('holds for %s', (id) => {
    const below = forbid({ what: { resources: ['secret/production/*'] } });
    expect(allows([everything, below], id)).toBe(false);
    expect(allows([everything, below], id.replace('production', 'preview'))).toBe(true);
  });

  it.each(evasive)('holds where it looks at an attribute: %s', (path) => {
    const inCedar = 'forbid(principal, action, resource) when { resource.path like "production/*" };';
    for (const rule of [
      forbid({ when: { 'resource.path': { prefix: 'production/' } } }),
      { type: 'cedar', id: 'no', text: inCedar },
    ]) {
      expect(allows([everything, rule], 'x', { path })).toBe(false);
      expect(allows([everything, rule], 'x', { path: path.replace('production', 'preview') })).toBe(true);
    }
  });

  it('holds below a path that names an address itself', () => {
    const below = forbid({ what: { resources: ['secret/ann@example.org/keys/*'] } });
    expect(allows([everything, below], 'ann@example.org/keys/bob@example.org')).toBe(false);
    expect(allows([everything, below], 'bob@example.org/keys/a')).toBe(true);
    const prefix = forbid({ when: { 'resource.path': { prefix: 'ann@example.org/' } } });
    expect(allows([everything, prefix], 'x', { path: 'ann@example.org/a' })).toBe(false);
  });
});

describe('a path that has no room in the record', () => {
  const hidden = `production/${'@/'.repeat(60)}private/x`;

  it('is not decided on: nothing of it gets around a rule', () => {
    const rules = [everything, forbid({ what: { resources: ['secret/preview/*'] } })];
    expect(() => allows(rules, hidden)).toThrow(expect.objectContaining({ code: 'validation_failed' }));
    expect(() => allows(rules, 'x', { path: hidden })).toThrow(expect.objectContaining({ code: 'validation_failed' }));
    expect(allows(rules, `production/${'@/'.repeat(15)}private/x`)).toBe(true);
  });
});

describe('a permit on everything below a path', () => {
  it.each(evasive)('holds for %s, and for nothing above', (id) => {
    const below = { ...everything, what: { resources: ['secret/production/*'] } };
    expect(allows([below], id)).toBe(true);
    expect(allows([below], id.replace('production/', ''))).toBe(false);
  });
});
