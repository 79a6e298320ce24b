import {
  type CompiledPolicy,
  compile,
  type FactChange,
  LiveFacts,
  type PolicyDocument,
  type TenantFacts,
} from '@gatehouse/evaluator';
import type { RecordedDecision } from './recorded-decision.js';

/** Facts of the tenant `acme`. */
export function factsOf(...changes: readonly FactChange[]): TenantFacts {
  const facts = new LiveFacts();
  for (const change of changes) facts.apply('acme', change);
  return facts.tenant('acme');
}

export const granted = (id: string, user: string, role: string): FactChange => ({
  kind: 'granted',
  grant: { id, subject: { type: 'user', id: user }, role, scope: '*' },
});

export const policyOf = (digest: string, document?: PolicyDocument): CompiledPolicy =>
  compile({ digest, ...(document && { document }) });

/** A decision as it was recorded: `ann` read the document `d1`, and was let in by her grant. */
export const decided = (over: Partial<RecordedDecision> = {}): RecordedDecision => ({
  id: 'e1',
  request: { subject: { type: 'user', id: 'ann' }, action: { name: 'doc.read' }, resource: { type: 'doc', id: 'd1' } },
  decidedAtMs: Date.UTC(2026, 10, 1),
  nowMs: Date.UTC(2026, 10, 1),
  isPermitted: true,
  reason: 'permitted',
  policy: 'v1',
  facts: '1.1',
  matched: ['reader#0@g1'],
  limits: [],
  asker: 'service/pep',
  ...over,
});

export const reader = { name: 'reader', rules: [{ effect: 'permit', actions: ['doc.read'] }] } as const;
