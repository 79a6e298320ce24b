import {
  type CompiledPolicy,
  compile,
  type Decision,
  evaluate,
  type FactChange,
  LiveFacts,
  type MatchedRule,
  type Needed,
  needed,
  type PolicyDocument,
  type TenantFacts,
} from '@gatehouse/evaluator';
import { digestOf } from '../digest.js';
import type { PolicyTest, TestFacts } from './policy-test.js';

export interface TestResult {
  readonly name: string;
  readonly passed: boolean;
  /** What was answered: names of rules, `role/<name>` for a role's. */
  readonly decision: 'permit' | 'deny';
  readonly reason: Decision['reason'];
  readonly matched: readonly string[];
  readonly obligations: readonly string[];
  /** Why it did not pass, one sentence each. */
  readonly faults: readonly string[];
  /** Of a denial that should have been a permit: what would have permitted it. */
  readonly needed?: Needed;
}

const tenant = 'test';

/**
 * Asks a policy every question of its tests, each with the facts of that test alone. Throws `PolicyError` for a document
 * that can't be compiled.
 */
export function runPolicyTests(document: PolicyDocument, tests: readonly PolicyTest[]): readonly TestResult[] {
  const policy = compile({ digest: digestOf(document), document });
  return tests.map((test) => runOne(policy, test));
}

function runOne(policy: CompiledPolicy, test: PolicyTest): TestResult {
  const facts = factsOf(test.facts);
  const nowMs = Date.parse(test.now);
  const answer = evaluate(policy, facts, test.request, nowMs);
  const shown = {
    decision: answer.decision ? ('permit' as const) : ('deny' as const),
    reason: answer.reason,
    matched: [...new Set(answer.matched.map(ruleName))],
    obligations: (answer.obligations ?? []).map(({ id }) => id),
  };
  const faults = faultsOf(test, shown);
  const isMissing = test.expect.decision === 'permit' && !answer.decision && answer.reason !== 'forbidden';
  return {
    name: test.name,
    passed: faults.length === 0,
    ...shown,
    faults,
    ...(isMissing && { needed: needed(policy, facts, test.request, nowMs) }),
  };
}

const ruleName = (match: MatchedRule): string => ('policy' in match ? match.policy : `role/${match.role}`);

type Shown = Pick<TestResult, 'decision' | 'reason' | 'matched' | 'obligations'>;

function faultsOf({ expect }: PolicyTest, shown: Shown): readonly string[] {
  const faults: string[] = [];
  const listed = (names: readonly string[]) => (names.length === 0 ? 'none' : names.join(', '));
  if (expect.decision !== shown.decision)
    faults.push(
      `expected ${expect.decision}, got ${shown.decision} (${shown.reason}; matched: ${listed(shown.matched)})`,
    );
  if (expect.reason !== undefined && expect.reason !== shown.reason)
    faults.push(`expected the reason ${expect.reason}, got ${shown.reason}`);
  const missing = (expect.matched ?? []).filter((name) => !shown.matched.includes(name));
  if (missing.length > 0) faults.push(`expected a match of ${listed(missing)}; matched: ${listed(shown.matched)}`);
  const wanted = expect.obligations && [...expect.obligations].sort();
  if (wanted && wanted.join('\n') !== [...shown.obligations].sort().join('\n'))
    faults.push(`expected the obligations ${listed(wanted)}, got ${listed(shown.obligations)}`);
  return faults;
}

function factsOf(facts: TestFacts): TenantFacts {
  const live = new LiveFacts();
  for (const change of changesOf(facts)) live.apply(tenant, change);
  return live.tenant(tenant);
}

const changesOf = ({ grants, groups, entities, relationships }: TestFacts): readonly FactChange[] => [
  ...grants.map((grant, i): FactChange => ({ kind: 'granted', grant: { ...grant, id: `grant-${i}` } })),
  ...groups.map((one): FactChange => ({ kind: 'joined', ...one })),
  ...entities.map((one): FactChange => ({ kind: 'described', facts: one })),
  ...relationships.map((relationship): FactChange => ({ kind: 'related', relationship })),
];
