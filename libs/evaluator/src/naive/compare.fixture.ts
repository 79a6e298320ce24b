import { isDeepStrictEqual } from 'node:util';
import { builtinRoles } from '../builtin-roles.js';
import {
  compile,
  evaluate,
  FactHistory,
  knownActions,
  LiveFacts,
  recordedPart,
  searchActions,
  searchResources,
  searchSubjects,
} from '../index.js';
import type { Decision, PolicyDocument, PolicyRule, Request, Role, TenantFacts } from '../model.js';
import { resources, subjects } from './alphabet.fixture.js';
import type { Case } from './generate-case.fixture.js';
import { byCodeUnit, fold, type NaiveFacts, resourceIdsOf, subjectIdsOf } from './known.fixture.js';
import { naiveEvaluate, naiveResources, naiveSubjects } from './naive.fixture.js';

/** One place where the compiled evaluator says something else than the naive one. */
export interface Difference {
  readonly what: string;
  readonly request?: Request;
  readonly naive: unknown;
  readonly compiled: unknown;
}

export function liveFacts({ changes }: NaiveFacts): LiveFacts {
  const facts = new LiveFacts();
  for (const { tenantId, change } of changes) facts.apply(tenantId, change);
  return facts;
}

const compiled = (document: PolicyDocument | undefined) =>
  compile({ digest: 'sha256:random', ...(document && { document }) });

/** Every request, once as it is and once as it would be recorded. `onDecision` sees what the naive one said. */
export function decisionDifferences(one: Case, onDecision?: (decision: Decision) => void): readonly Difference[] {
  const policy = compiled(one.document);
  const facts = liveFacts(one.facts).tenant(one.facts.tenantId);
  const differences: Difference[] = [];
  for (const request of one.requests) {
    const naive = naiveEvaluate(builtinRoles, one.document, one.facts, request, one.nowMs);
    onDecision?.(naive);
    compare(differences, 'evaluate', request, naive, evaluate(policy, facts, request, one.nowMs));
    const recorded = namesWith(request, recordedPart(policy, request));
    compare(differences, 'recorded', request, naive, evaluate(policy, facts, recorded, one.nowMs));
  }
  return differences;
}

/** The same facts and rules in another order: members of objects, patterns, rules and roles backwards. */
export function orderDifferences({ document, facts, requests, nowMs }: Case): readonly Difference[] {
  const policy = compiled(backwards(document) as PolicyDocument | undefined);
  const live = liveFacts(facts).tenant(facts.tenantId);
  const differences: Difference[] = [];
  for (const request of requests) {
    const naive = naiveEvaluate(builtinRoles, document, facts, request, nowMs);
    // The limits that are answered are the rules of that document, in its order.
    const { limits, ...found } = evaluate(policy, live, backwards(request) as Request, nowMs);
    const { limits: expected, ...rest } = naive;
    compare(differences, 'backwards', request, rest, found);
    const ids = [expected?.map(({ id }) => id), limits?.map(({ id }) => id)];
    compare(differences, 'limits backwards', request, ids[0], ids[1]);
  }
  return differences;
}

/** Lists whose order has a meaning stay: the rules of a role are numbered, what it inherits continues them. */
function backwards(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => backwards(item));
    return ['properties', 'list', 'inherits'].includes(name) ? items : items.reverse();
  }
  if (typeof value !== 'object' || value === null || Object.hasOwn(value, '__proto__')) return value;
  const isRole = 'rules' in value && 'name' in value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(
    entries.map(([key, member]) => {
      if (isRole && key === 'rules') return [key, (member as unknown[]).map((rule) => backwards(rule))];
      return [key, backwards(member, key)];
    }),
  );
}

/** What a decision's event keeps of a request. */
function namesWith({ subject, action, resource }: Request, given: ReturnType<typeof recordedPart>): Request {
  return {
    subject: { type: subject.type, id: subject.id, ...(given?.subject && { properties: given.subject }) },
    action: { name: action.name, ...(given?.action && { properties: given.action }) },
    resource: { type: resource.type, id: resource.id, ...(given?.resource && { properties: given.resource }) },
    ...(given?.context && { context: given.context }),
  };
}

/** Searches of the first request's kind, against asking for every known name. */
export function searchDifferences({ document, facts, requests, nowMs }: Case): readonly Difference[] {
  const policy = compiled(document);
  const live = liveFacts(facts).tenant(facts.tenantId);
  const differences: Difference[] = [];
  for (const request of requests) {
    const { subject, action, resource, context } = request;
    const rest = context ? { context } : {};
    for (const type of typesOf(subjects)) {
      const query = { type, action, resource, ...rest };
      const found = searchSubjects(policy, live, query, nowMs);
      compare(
        differences,
        `subjects ${type}`,
        request,
        naiveSubjects(builtinRoles, document, facts, query, nowMs),
        found,
      );
    }
    for (const type of typesOf(resources)) {
      const query = { type, subject, action, ...rest };
      const found = searchResources(policy, live, query, nowMs);
      compare(
        differences,
        `resources ${type}`,
        request,
        naiveResources(builtinRoles, document, facts, query, nowMs),
        found,
      );
    }
    const found = searchActions(policy, live, { subject, resource, ...rest }, nowMs);
    const may = (name: string) =>
      naiveEvaluate(builtinRoles, document, facts, { subject, action: { name }, resource, ...rest }, nowMs).decision;
    compare(differences, 'actions', request, actionsOf(document).filter(may), found);
  }
  return differences;
}

const typesOf = (entities: readonly { type: string }[]) => [...new Set(entities.map(({ type }) => type))];

/** semantics.md 10: what Gatehouse knows and what the policy names without a star. */
function actionsOf(document: PolicyDocument | undefined): readonly string[] {
  const roles: readonly Role[] = [...builtinRoles, ...(document?.roles ?? [])];
  const patterns = [
    ...knownActions,
    ...roles.flatMap(({ rules }) => rules.flatMap((rule) => rule.actions)),
    ...(document?.rules ?? []).flatMap((rule) => ('actions' in rule ? (rule.actions ?? []) : [])),
  ];
  return [...new Set(patterns)].filter((pattern) => !pattern.includes('*')).sort(byCodeUnit);
}

/** The facts as they were after each change, against folding that many changes. */
export function historyDifferences({ document, facts, requests, nowMs }: Case): readonly Difference[] {
  const policy = compiled(document);
  const history = new FactHistory(facts.tenantId);
  const { changes } = facts;
  for (const [step, { tenantId, change }] of changes.entries()) history.apply(step, change, tenantId);
  const differences: Difference[] = [];
  for (const [at, request] of requests.entries()) {
    const step = changes.length === 0 ? 0 : (at * 7919) % changes.length;
    const past: NaiveFacts = { tenantId: facts.tenantId, changes: changes.slice(0, step + 1) };
    const then: TenantFacts = history.at(step);
    const naive = naiveEvaluate(builtinRoles, document, past, request, nowMs);
    compare(differences, `history at ${step}`, request, naive, evaluate(policy, then, request, nowMs));
    const { type } = request.subject;
    const known = fold(past.changes, past.tenantId);
    compare(differences, `subjects at ${step}`, request, subjectIdsOf(known, type), then.subjectIds(type));
    const ids = resourceIdsOf(known, request.resource.type);
    compare(differences, `resources at ${step}`, request, ids, then.resourceIds(request.resource.type));
  }
  return differences;
}

function compare(into: Difference[], what: string, request: Request, naive: unknown, found: unknown): void {
  if (!isDeepStrictEqual(naive, found)) into.push({ what, request, naive, compiled: found });
}

/** The same difference with as little around it as possible: whatever can be left out is left out. */
export function smallest(one: Case, differs: (candidate: Case) => boolean): Case {
  let kept = one;
  for (let again = true; again; ) {
    again = false;
    for (const candidate of smaller(kept)) {
      if (!safely(() => differs(candidate))) continue;
      kept = candidate;
      again = true;
      break;
    }
  }
  return kept;
}

// A candidate that does not compile, because an heir lost its parent, is no smaller case.
function safely(question: () => boolean): boolean {
  try {
    return question();
  } catch {
    return false;
  }
}

function* smaller(one: Case): Generator<Case> {
  for (const requests of without(one.requests)) if (requests.length > 0) yield { ...one, requests };
  for (const changes of without(one.facts.changes)) yield { ...one, facts: { ...one.facts, changes } };
  for (const rules of without<PolicyRule>(one.document?.rules ?? []))
    yield { ...one, document: { ...one.document, rules } };
  for (const roles of without<Role>(one.document?.roles ?? [])) yield { ...one, document: { ...one.document, roles } };
  for (const [at, rule] of (one.document?.rules ?? []).entries()) {
    for (const key of ['when', 'what', 'actions'] as const) {
      if (!(key in rule)) continue;
      const { [key]: _, ...rest } = rule as PolicyRule & { [key]?: unknown };
      const rules = (one.document?.rules ?? []).with(at, rest as PolicyRule);
      yield { ...one, document: { ...one.document, rules } };
    }
  }
}

function* without<T>(values: readonly T[]): Generator<T[]> {
  for (const at of values.keys()) yield values.toSpliced(at, 1);
}
