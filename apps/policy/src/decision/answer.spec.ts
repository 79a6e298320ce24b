import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { answerText, batchAnswerText } from './answer.js';
import type { DecidedBatch, RecordedDecision } from './decision-point.js';
import type { Batch } from './evaluations.js';
import type { Outcome } from './outcome.js';

const name = fc.string({ unit: 'grapheme', maxLength: 9 });
const effect = fc.constantFrom('permit', 'forbid');
const matched = fc.array(
  fc.oneof(fc.record({ effect, role: name, rule: fc.nat(), grant: name }), fc.record({ effect, policy: name })),
  { maxLength: 3 },
);
const refusal = fc.record({ id: name, limit: fc.nat(), remaining: fc.constant(0), reset: fc.nat() });
const outcomes = fc.record(
  {
    decision: fc.boolean(),
    reason: fc.constantFrom('permitted', 'no_permit', 'rate_limited'),
    matched,
    obligations: fc.array(fc.record({ id: name, attributes: fc.dictionary(name, name) }), { maxLength: 2 }),
    mode: fc.constant('audit_only'),
    refusal,
  },
  { requiredKeys: ['decision', 'reason', 'matched'] },
);
const at = fc.record({ policy: name, facts: name, asOf: name }, { requiredKeys: ['policy', 'facts'] });
const needed = fc.record({ roles: fc.array(name), rules: fc.array(name) });

const extras = ({ obligations, mode, reason, refusal: limit }: Outcome) => ({
  obligations,
  mode,
  would: mode && { decision: false, reason },
  rate_limit: limit,
});
const past = ({ asOf, facts }: { asOf?: string; facts?: string }) =>
  asOf === undefined ? {} : { as_of: asOf, position: facts };

describe('the text of an answer', () => {
  it('is the JSON of what was decided and read', () => {
    fc.assert(
      fc.property(outcomes, at, fc.option(needed, { nil: undefined }), (of, when, lacking) => {
        const { decision, reason } = of;
        const outcome = of as unknown as Outcome;
        const recorded: RecordedDecision = { id: 'e', outcome, at: when, asOf: when.asOf, needed: lacking };
        const evidence = { policy: when.policy, facts: when.facts, matched: of.matched, needed: lacking };
        const context = { id: 'e', reason, ...extras(outcome), evidence, ...past(when) };
        expect(answerText(recorded)).toBe(JSON.stringify({ decision, context }));
      }),
    );
  });

  it('is, of a batch, that of each item, and what was read once', () => {
    fc.assert(
      fc.property(fc.array(outcomes, { minLength: 1, maxLength: 3 }), at, (all, when) => {
        const decisions = all.map((of, n) => ({ id: `e.${n}`, outcome: of }));
        const items = all.map(() => ({ ok: true, value: {} })) as unknown as Batch['items'];
        const decided = { ...when, decisions } as unknown as DecidedBatch;
        const evaluations = all.map((of, n) => {
          const rules = of.matched.length > 0 ? of.matched : undefined;
          const shown = { id: `e.${n}`, reason: of.reason, matched: rules, ...extras(of as unknown as Outcome) };
          return { decision: of.decision, context: shown };
        });
        const context = { policy: when.policy, facts: when.facts, ...past(when) };
        expect(batchAnswerText({ semantic: 'execute_all', items }, items, decided)).toBe(
          JSON.stringify({ context, evaluations }),
        );
      }),
    );
  });
});
