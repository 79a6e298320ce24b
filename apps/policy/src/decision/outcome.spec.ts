import { randomBytes } from 'node:crypto';
import { compile, LiveFacts, ownActions, type PolicyDocument } from '@gatehouse/evaluator';
import { describe, expect, it } from '@jest/globals';
import { decideAt, inMode, type Moment, rateLimited } from './outcome.js';
import type { Question } from './question.js';

const pepper = randomBytes(32);
const document: PolicyDocument = {
  rules: [
    { type: 'selector', id: 'readers', effect: 'permit', who: { anyone: true }, actions: ['book.read'] },
    {
      type: 'selector',
      id: 'not-example',
      effect: 'forbid',
      who: { subjects: ['user/*'] },
      actions: ['book.read'],
      when: { 'context.mail': { eq: 'nobody' } },
    },
    { type: 'rate_limit', id: 'few', requests_per_period: 1, period_seconds: 60, scope: 'per_user' },
    { type: 'obligation', id: 'tell', on: 'permit', obligation: { type: 'notification' } },
  ],
};
const facts = new LiveFacts().tenant('acme');
const moment = (changes: Partial<Moment> = {}): Moment => ({
  policy: compile({ digest: 'd', document }),
  facts,
  position: '7.1',
  mode: 'strict',
  nowMs: Date.now(),
  ...changes,
});
const question = (changes: Partial<Question> = {}): Question => ({
  tenantId: 'acme',
  subject: { type: 'user', id: 'ann' },
  action: 'book.read',
  resource: { type: 'book', id: '1' },
  context: { mail: 'ann@example.org', colour: 'red' },
  ...changes,
});

describe('one question decided', () => {
  it('says what is to be consumed, what obliges, and what was read of the request, without an address', () => {
    const outcome = decideAt(moment(), question({ subject: { type: 'user', id: 'ann@example.org' } }), pepper);
    expect(outcome).toMatchObject({
      decision: true,
      reason: 'permitted',
      limits: [{ id: 'few' }],
      obligations: [{ id: 'tell' }],
    });
    expect(JSON.stringify(outcome)).not.toContain('ann@');
    expect(outcome.request.subject.id).toMatch(/^p_.{22}@example\.org$/);
    expect(Object.keys(outcome.given?.context ?? {})).toEqual(['mail']);
  });

  it('decides on what is recorded: the recorded part alone gives the same', () => {
    const first = decideAt(moment(), question({ context: { mail: 'nobody', colour: 'red' } }), pepper);
    const again = decideAt(moment(), question({ context: first.given?.context }), pepper);
    expect([first.decision, again.decision]).toEqual([false, false]);
    expect(first.given).toEqual({ context: { mail: 'nobody' } });
  });

  it('about the past consumes nothing and obliges nobody', () => {
    const outcome = decideAt(moment({ asOf: '3.1' }), question(), pepper);
    expect(outcome).toMatchObject({ decision: true });
    expect(outcome).not.toHaveProperty('limits');
    expect(outcome).not.toHaveProperty('obligations');
  });

  it('about what was allowed before consumes nothing, and obliges all the same', () => {
    const outcome = decideAt(moment(), question({ again: true }), pepper);
    expect(outcome).toMatchObject({ decision: true, again: true, obligations: [{ id: 'tell' }] });
    expect(outcome).not.toHaveProperty('limits');
  });

  it('is refused outside of the scopes of the credential, whatever the policy says', () => {
    const outcome = decideAt(moment(), question({ scopes: ['logs.read'] }), pepper);
    expect(outcome).toMatchObject({ decision: false, reason: 'out_of_scope', matched: [] });
  });

  it('that a limit refuses names it, and obliges to nothing', () => {
    const refusal = { id: 'few', limit: 1, remaining: 0, reset: 60 } as const;
    const outcome = rateLimited(decideAt(moment(), question(), pepper), refusal);
    expect(outcome).toMatchObject({ decision: false, reason: 'rate_limited', limits: [{ id: 'few' }], refusal });
    expect(outcome).not.toHaveProperty('obligations');
  });
});

describe('a tenant that only audits', () => {
  const auditOnly = moment({ mode: 'audit_only' });
  const turned = (asked: Question, at = auditOnly, who = { auditable: true }) =>
    inMode(decideAt(at, asked, pepper), at, who);
  const denied = question({ action: 'book.burn' });

  it('answers its enforcement points yes, and says what it would have been', () => {
    expect(turned(denied)).toMatchObject({ decision: true, mode: 'audit_only', reason: 'no_grant' });
    expect(turned(question())).not.toHaveProperty('mode');
    const limited = rateLimited(decideAt(auditOnly, question(), pepper), {
      id: 'few',
      limit: 1,
      remaining: 0,
      reset: 9,
    });
    expect(inMode(limited, auditOnly, { auditable: true })).toMatchObject({ decision: true, reason: 'rate_limited' });
  });

  it.each(ownActions)('gives nobody %s', (action) => {
    expect(turned(question({ action, resource: { type: 'role', id: 'owner' } })).decision).toBe(false);
  });

  it('lets others try what they enforce themselves', () => {
    for (const action of ['deploy.production', 'logs.read', 'billing.manage'])
      expect(turned(question({ action })).decision).toBe(true);
  });

  it('turns nothing for our services, beyond scopes, in strict mode, or about the past', () => {
    expect(turned(denied, auditOnly, { auditable: false }).decision).toBe(false);
    expect(turned({ ...denied, scopes: ['logs.read'] }).decision).toBe(false);
    expect(turned(denied, moment()).decision).toBe(false);
    expect(turned(denied, moment({ mode: 'audit_only', asOf: '3.1' })).decision).toBe(false);
  });
});
