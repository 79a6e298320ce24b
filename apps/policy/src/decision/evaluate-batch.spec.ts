import { describe, expect, it } from '@jest/globals';
import { batchAnswerText } from './answer.js';
import type { DecidedBatch } from './decision-point.js';
import { evaluableOf } from './evaluate-batch.js';
import { parseEvaluations, type Semantic } from './evaluations.js';

const good = { subject: { type: 'user', id: 'u' }, action: { name: 'a.b' }, resource: { type: 'x', id: 'y' } };
const bad = { ...good, action: {} };
const batchOf = (evaluations: unknown, semantic: Semantic = 'execute_all', defaults = {}) => {
  const parsed = parseEvaluations({ ...defaults, evaluations, options: { evaluations_semantic: semantic } });
  if (!parsed.ok || !parsed.value) throw new Error('not a batch');
  return parsed.value;
};
const answers = (evaluations: unknown, semantic: Semantic, ...decisions: readonly boolean[]) => {
  const batch = batchOf(evaluations, semantic);
  const recorded = {
    policy: 'd',
    facts: '1.1',
    decisions: decisions.map((decision, n) => ({
      id: `e.${n}`,
      outcome: { decision, reason: 'permitted', matched: [] },
    })),
  } as unknown as DecidedBatch;
  const text = batchAnswerText(batch, evaluableOf(batch).items, recorded);
  return (JSON.parse(text) as { evaluations: { decision: boolean }[] }).evaluations.map(({ decision }) => decision);
};

describe('a batch', () => {
  it('takes every member of an item whole, and the defaults where it has none', () => {
    const defaults = { ...good, context: { a: 1, b: 2 }, subject: { type: 'user', id: 'u', properties: { p: 1 } } };
    const { items } = batchOf(
      [{}, { context: { c: 3 } }, { subject: { type: 'user', id: 'v' } }],
      'execute_all',
      defaults,
    );
    const read = items.map((item) => (item.ok ? [item.value.subject, item.value.context] : item));
    expect(read).toEqual([
      [defaults.subject, defaults.context],
      [defaults.subject, { c: 3 }],
      [{ type: 'user', id: 'v' }, defaults.context],
    ]);
  });

  it('asks nothing behind a bad item where the first deny ends it', () => {
    expect(evaluableOf(batchOf([good, bad, good], 'deny_on_first_deny')).questions).toHaveLength(1);
    expect(evaluableOf(batchOf([good, bad, good], 'execute_all')).questions).toHaveLength(2);
    expect(evaluableOf(batchOf([good, bad, good], 'permit_on_first_permit')).questions).toHaveLength(2);
  });

  it('is answered in order, a bad item as a deny, up to where it ends', () => {
    expect(answers([good, bad, good], 'execute_all', true, true)).toEqual([true, false, true]);
    expect(answers([good, bad, good], 'deny_on_first_deny', true)).toEqual([true, false]);
    expect(answers([good, good, bad], 'deny_on_first_deny', true, false)).toEqual([true, false]);
    expect(answers([bad, good, good], 'permit_on_first_permit', true)).toEqual([false, true]);
    expect(answers([bad, bad], 'execute_all')).toEqual([false, false]);
    expect(answers([good, bad], 'permit_on_first_permit', false)).toEqual([false, false]);
  });

  it('is about one moment: an item that asks about another is a bad one', () => {
    const at = (as_of: string) => ({ ...good, context: { as_of } });
    const { asOf, items } = evaluableOf(
      batchOf([bad, { ...good, context: { as_of: 7 } }, at('1.1'), at('2.1'), good, at('1.1')]),
    );
    expect(asOf).toBe('1.1');
    expect(items.map((item) => item.ok)).toEqual([false, false, true, false, false, true]);
  });
});
