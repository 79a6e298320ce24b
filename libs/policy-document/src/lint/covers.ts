import {
  containsText,
  type LabelSelector,
  type ResourcePattern,
  resourcePattern,
  type TextPattern,
  type What,
  type Who,
} from '@gatehouse/evaluator';
import type { RuleView } from './rule-view.js';

/** Ends comparing when a policy is so large that comparing each with each would take long. */
export class Budget {
  #left: number;

  constructor(comparisons: number) {
    this.#left = comparisons;
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  spend(comparisons: number): void {
    this.#left -= comparisons;
  }
}

/**
 * Whether every request that `inner` applies to is one that `outer` applies to, as far as can be seen from their texts:
 * a `false` may be wrong, a `true` never is. Conditions count as equal or not; none holds always.
 */
export function covers(outer: RuleView, inner: RuleView, budget: Budget): boolean {
  if (outer.when !== undefined && outer.when !== inner.when) return false;
  return (
    coversActions(outer.actions, inner.actions, budget) &&
    coversWhat(outer.what, inner.what, budget) &&
    coversWho(outer.who, inner.who, budget)
  );
}

/** Each of `inner` lies within one of `outer`. Absent is everything. */
function each<T>(
  outer: readonly T[] | undefined,
  inner: readonly T[] | undefined,
  budget: Budget,
  contains: (outer: T, inner: T) => boolean,
): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return false;
  budget.spend(outer.length * inner.length);
  return !budget.isSpent && inner.every((one) => outer.some((other) => contains(other, one)));
}

const coversActions = (outer: RuleView['actions'], inner: RuleView['actions'], budget: Budget): boolean =>
  each<TextPattern>(outer?.some(({ kind }) => kind === 'any') ? undefined : outer, inner, budget, containsText);

const isEverything = (what: What): boolean =>
  what.types === undefined && what.resources === undefined && Object.keys(what.labels ?? {}).length === 0;

function coversWhat(outer: readonly What[] | undefined, inner: readonly What[] | undefined, budget: Budget): boolean {
  if (outer?.some(isEverything)) return true;
  return each(outer, inner, budget, (a, b) => coversOneWhat(a, b, budget));
}

const patternsOf = (sources: readonly string[]): readonly ResourcePattern[] =>
  sources.flatMap((source) => resourcePattern(source) ?? []);

const containsResource = (outer: ResourcePattern, inner: ResourcePattern): boolean =>
  containsText(outer.type, inner.type) && containsText(outer.id, inner.id);

const coversResources = (outer: readonly string[] | undefined, inner: readonly string[] | undefined, budget: Budget) =>
  each(outer && patternsOf(outer), inner && patternsOf(inner), budget, containsResource);

function coversOneWhat(outer: What, inner: What, budget: Budget): boolean {
  const innerTypes = inner.types ?? inner.resources?.map((source) => resourcePattern(source)?.type.text ?? '');
  const byType = outer.resources === undefined || (inner.types?.map((type) => `${type}/*`) ?? inner.resources);
  return (
    coversNames(outer.types, innerTypes, budget) &&
    (byType === true || coversResources(outer.resources, inner.resources ?? byType, budget)) &&
    coversLabels(outer.labels, inner.labels, budget)
  );
}

const coversNames = (outer: readonly string[] | undefined, inner: readonly string[] | undefined, budget: Budget) =>
  each(outer, inner, budget, (a, b) => a === b);

function coversLabels(outer: LabelSelector = {}, inner: LabelSelector = {}, budget: Budget): boolean {
  return Object.entries(outer).every(([key, values]) => {
    const allowed = inner[key];
    if (allowed === undefined) return false;
    const list = (value: string | readonly string[]) => (typeof value === 'string' ? [value] : value);
    return list(values).includes('*') || coversNames(list(values), list(allowed), budget);
  });
}

const isAnyone = (who: Who): boolean => who.anyone === true && Object.keys(who).length === 1;

function coversWho(outer: RuleView['who'], inner: RuleView['who'], budget: Budget): boolean {
  if (outer === undefined || inner === undefined) return outer === inner;
  if ('patterns' in outer) return 'patterns' in inner && coversPatterns(outer.patterns, inner.patterns, budget);
  if (outer.some(isAnyone)) return true;
  return !('patterns' in inner) && each(outer, inner, budget, (a, b) => coversOneWho(a, b, budget));
}

/** A pattern without a slash is one of users; `*` is all of them. */
const coversPatterns = (outer: readonly string[], inner: readonly string[], budget: Budget): boolean =>
  each(outer, inner, budget, (a, b) => a === b || (a === '*' && !b.includes('/')));

function coversOneWho(outer: Who, inner: Who, budget: Budget): boolean {
  if (!coversResources(outer.subjects, inner.subjects, budget)) return false;
  const names = ['users', 'teams', 'orgs', 'roles', 'relations'] as const;
  return (
    names.every((name) => coversNames(outer[name], inner[name], budget)) &&
    coversLabels(outer.labels, inner.labels, budget)
  );
}
