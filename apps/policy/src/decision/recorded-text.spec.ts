import { decisionRecorded, decisionsRecorded } from '@gatehouse/contracts';
import { canonicalJson, uuidv7 } from '@gatehouse/crypto';
import { parseEnvelope, writeEvent } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decisionsOf } from '../simulation/recorded-decision.js';
import type { Outcome } from './outcome.js';
import { batchText, decisionText, itemTexts, recordEvent, ruleName } from './recorded-text.js';

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const entity = fc.record({ type: name, id: name });
const attributes = fc.dictionary(name, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
const rules = fc.array(fc.record({ id: name }), { maxLength: 3 });
const matched = fc.oneof(
  fc.record({ effect: fc.constant('permit' as const), role: name, rule: fc.nat(), grant: name }),
  fc.record({ effect: fc.constant('forbid' as const), policy: name }),
);
const outcome = fc.record(
  {
    request: fc.record({ subject: entity, action: fc.record({ name }), resource: entity }),
    decision: fc.boolean(),
    reason: fc.constantFrom('permitted', 'no_permit', 'rate_limited'),
    matched: fc.array(matched, { maxLength: 3 }),
    given: fc.record({ subject: attributes, context: attributes }, { requiredKeys: [] }),
    obligations: rules,
    limits: rules,
    mode: fc.constant('audit_only'),
    again: fc.constant(true),
  },
  { requiredKeys: ['request', 'decision', 'reason', 'matched'] },
) as unknown as fc.Arbitrary<Outcome>;
const at = fc.record({ policy: name, facts: name });
const asOf = fc.option(name, { nil: undefined });

const item = (of: Outcome, since: string | undefined) => ({
  subject: of.request.subject,
  action: of.request.action.name,
  resource: of.request.resource,
  decision: of.decision,
  reason: of.reason,
  matched: of.matched.map(ruleName),
  given: of.given,
  obligations: of.obligations?.map(({ id }) => id),
  limits: of.limits?.map(({ id }) => id),
  mode: of.mode,
  noted: of.noted,
  again: of.again,
  asOf: since,
});

describe('the text of recorded decisions', () => {
  it('is the canonical JSON of what the contract says', () => {
    fc.assert(
      fc.property(outcome, at, asOf, (of, when, since) => {
        const data = { ...item(of, since), ...when };
        expect(decisionText(of, when, since)).toBe(canonicalJson(data));
        expect(decisionRecorded.safeParse(JSON.parse(decisionText(of, when, since))).success).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 3 }), at, asOf, (all, when, since) => {
        // Every part stands in two items.
        const items = [...all, ...all];
        const text = batchText(itemTexts(items, since), when);
        expect(text).toBe(canonicalJson({ ...when, items: items.map((of) => item(of, since)) }));
        expect(decisionsRecorded.safeParse(JSON.parse(text)).success).toBe(true);
      }),
    );
  });

  it.each([undefined, true])('tells a replay whether it was asked again: %s', (again) => {
    fc.assert(
      fc.property(outcome, at, (of, when) => {
        const data = decisionText({ ...of, again } as Outcome, when);
        const asked = { caller: { type: 'gatehouse', id: 'relay' }, correlationId: 'c' };
        const id = uuidv7(1);
        const event = recordEvent({ id, type: 'decision.recorded', tenantId: 'acme', nowMs: 1 }, asked, data);
        expect(decisionsOf(parseEnvelope(event.text)).map((recorded) => recorded.again)).toEqual([again]);
      }),
    );
  });

  it('stands in the envelope that every event has', () => {
    const id = uuidv7(Date.now());
    const nowMs = 1_795_312_800_123;
    for (const type of ['decision.recorded', 'decisions.recorded'] as const)
      for (const ip of [undefined, '::1']) {
        const caller = { type: 'service', id: 'gäte"way' };
        const asked = { caller, correlationId: 'c', ...(ip && { ip }), credential: 'never recorded' };
        const written = writeEvent(
          { id, type, version: 1, data: { a: 1 } },
          `${type === 'decision.recorded' ? 'decision' : 'decisions'}:${id}`,
          1,
          { tenantId: 'acme', actor: caller, now: nowMs, correlationId: 'c', ...(ip && { source: { ip } }) },
        );
        const recorded = recordEvent({ id, type, tenantId: 'acme', nowMs }, asked, '{"a":1}');
        expect(recorded.text).toBe(written.text);
        expect(written.envelope).toMatchObject(recorded.envelope);
      }
  });
});
