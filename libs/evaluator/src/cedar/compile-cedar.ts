import type { CedarRule, FieldError, MatchedRule, Request, TenantFacts } from '../model.js';
import { PolicyError } from '../policy-error.js';
import { UnknownExpression } from './expression.js';
import { maxPolicies, type ParsedPolicy, parseCedarText } from './parse-text.js';
import { type ReadyPolicy, readyPolicy } from './policy.js';
import { readsOf } from './reads.js';
import { Slice } from './slice.js';

/** The Cedar policies of one document that may speak of one action. */
export interface CedarSlice {
  /** Those that are satisfied. `roles`: names of the roles the subject holds on a scope that covers the resource. Never throws. */
  matches(facts: TenantFacts, request: Request, roles: readonly string[], nowMs: number): readonly MatchedRule[];
}

export interface CompiledCedar {
  /** Undefined if no policy can match the action: such a request pays nothing. */
  speaksOf(action: string): CedarSlice | undefined;
  /** Paths of the attributes that the policies read, as in a `Condition`; `subject.*` if all may be read. Sorted. */
  readonly reads: readonly string[];
  /** Actions that a scope names. */
  readonly actions: readonly string[];
}

/** Of all the policies of a document: what one decision may cost. */
export const cedarLimits = { chars: 262_144, policies: maxPolicies, nodes: 20_000 } as const;

interface Made {
  readonly ready: readonly ReadyPolicy[];
  readonly parsed: readonly ParsedPolicy[];
  readonly errors: readonly FieldError[];
}

function read(rule: CedarRule): Made {
  const { policies: parsed, errors } = parseCedarText(rule);
  if (errors.length > 0) return { ready: [], parsed: [], errors };
  const ready: ReadyPolicy[] = [];
  const unknown: FieldError[] = [];
  for (const policy of parsed) {
    try {
      ready.push(readyPolicy(rule.id, policy));
    } catch (error) {
      if (!(error instanceof UnknownExpression)) throw error;
      unknown.push({ path: policy.place, message: error.message });
    }
  }
  const nodes = ready.reduce((sum, policy) => sum + policy.nodes, 0);
  if (nodes > cedarLimits.nodes)
    unknown.push({ path: '1:1', message: `must have at most ${cedarLimits.nodes} expressions` });
  return { ready, parsed, errors: unknown };
}

/** Checking a document and compiling it ask for the same rule. */
const known = new WeakMap<CedarRule, Made>();

function make(rule: CedarRule): Made {
  const made = known.get(rule) ?? read(rule);
  known.set(rule, made);
  return made;
}

/**
 * All that keeps the Cedar text of a rule from being compiled; `path` is `line:column` within the text.
 *
 * @example cedarErrors({ type: 'cedar', id: 'c', text: 'permit(principal, action, resourc);' })
 * // [{ path: '1:27', message: '...' }]
 */
export const cedarErrors = (rule: CedarRule): readonly FieldError[] => make(rule).errors;

/** What rules that are right alone are too much of together, said before any of them is read. `path` is empty. */
export function cedarSizeErrors(rules: readonly CedarRule[]): readonly FieldError[] {
  const chars = rules.reduce((sum, { text }) => sum + text.length, 0);
  return chars > cedarLimits.chars
    ? [{ path: '', message: `must have at most ${cedarLimits.chars} characters of Cedar` }]
    : [];
}

/** The same, for what shows when they have been read. */
export function cedarSumErrors(rules: readonly CedarRule[]): readonly FieldError[] {
  const ready = rules.flatMap((rule) => make(rule).ready);
  const nodes = ready.reduce((sum, policy) => sum + policy.nodes, 0);
  const { policies: most, nodes: mostNodes } = cedarLimits;
  return [
    ...(ready.length > most ? [{ path: '', message: `must have at most ${most} Cedar policies` }] : []),
    ...(nodes > mostNodes ? [{ path: '', message: `must have at most ${mostNodes} Cedar expressions` }] : []),
  ];
}

function slices(policies: readonly ReadyPolicy[]): CompiledCedar['speaksOf'] {
  const ofAll = policies.filter(({ actions }) => actions === undefined);
  const named = new Set(policies.flatMap(({ actions }) => actions ?? []));
  const byName = new Map<string, Slice>();
  for (const name of named) {
    byName.set(name, new Slice(policies.filter(({ actions }) => actions === undefined || actions.includes(name))));
  }
  const otherwise = ofAll.length > 0 ? new Slice(ofAll) : undefined;
  return (action) => byName.get(action) ?? otherwise;
}

/**
 * Cedar's own parser reads the text; what it read is compiled to closures over the request and the facts. See ADR 0014.
 * Throws {@link PolicyError} where {@link cedarErrors} or the sums above would name something.
 *
 * @example compileCedar([{ type: 'cedar', id: 'c', text: 'permit(principal, action == Action::"logs.read", resource);' }])
 */
export function compileCedar(rules: readonly CedarRule[]): CompiledCedar {
  const size = cedarSizeErrors(rules);
  const errors = size.length > 0 ? size : [...rules.flatMap(cedarErrors), ...cedarSumErrors(rules)];
  if (errors.length > 0) throw new PolicyError(errors);
  const made = rules.map(make);
  const ready = made.flatMap((each) => each.ready);
  return {
    speaksOf: slices(ready),
    actions: [...new Set(ready.flatMap(({ actions }) => actions ?? []))],
    reads: readsOf(made.flatMap(({ parsed }) => parsed.flatMap(({ json }) => json.conditions.map(({ body }) => body)))),
  };
}
