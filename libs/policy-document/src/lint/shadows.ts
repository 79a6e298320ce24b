import { error, type Finding, warning } from '../finding.js';
import { Budget, covers } from './covers.js';
import type { LintOptions } from './lint-options.js';
import type { RuleView } from './rule-view.js';

/** Some seconds of comparing at most; a policy of a thousand rules needs a tenth of it. */
const maxComparisons = 5_000_000;

type Named = (view: RuleView) => string;

/** Rules that another one makes superfluous or void. */
export function shadowFindings(views: readonly RuleView[], { lineOf }: LintOptions): Finding[] {
  const budget = new Budget(maxComparisons);
  const named: Named = ({ label, path }) => {
    const line = path === undefined ? undefined : lineOf?.(path);
    return line === undefined ? label : `${label} (line ${line})`;
  };
  const groups = new Map<string, RuleView[]>();
  for (const view of views) groups.set(view.group, [...(groups.get(view.group) ?? []), view]);
  const findings = [...groups.values()].flatMap((group) => ofGroup(group, budget, named));
  if (budget.isSpent) findings.push(warning('more', '', 'is too large for each rule to be compared with each'));
  return findings;
}

function ofGroup(group: readonly RuleView[], budget: Budget, named: Named): Finding[] {
  return group.flatMap((view, i) => {
    if (view.isInherited || view.path === undefined || budget.isSpent) return [];
    const found =
      repeated(group, i, named) ?? (view.effect === 'permit' ? overruled(group, i, budget, named) : undefined);
    const finding = found ?? superfluous(group, i, budget, named);
    return finding ? [{ ...finding, path: view.path }] : [];
  });
}

function repeated(group: readonly RuleView[], i: number, named: Named): Finding | undefined {
  const same = group.slice(0, i).find(({ body }) => body === group[i]?.body);
  return same && warning('rule_repeated', '', `says the same as ${named(same)}`);
}

/** A permit of which a forbid leaves nothing. */
function overruled(group: readonly RuleView[], i: number, budget: Budget, named: Named): Finding | undefined {
  const view = group[i];
  if (!view) return undefined;
  const forbid = group.find((other) => other.effect === 'forbid' && covers(other, view, budget));
  if (forbid) return warning('rule_shadowed', '', `never permits: ${named(forbid)} forbids all of it`);
  return undefined;
}

/** A rule of which another with the same effect leaves nothing to do. Of two that cover each other the later one. */
function superfluous(group: readonly RuleView[], i: number, budget: Budget, named: Named): Finding | undefined {
  const view = group[i];
  if (!view) return undefined;
  const other = group.find(
    (each, j) =>
      j !== i && each.effect === view.effect && covers(each, view, budget) && (j < i || !covers(view, each, budget)),
  );
  return other && warning('rule_shadowed', '', `changes nothing: ${named(other)} ${other.effect}s all of it`);
}

/** The same pattern allowed and denied, where the denial leaves nothing of it. */
export function patternConflicts(views: readonly RuleView[], { lineOf }: LintOptions): Finding[] {
  const budget = new Budget(maxComparisons);
  const access = views.filter(({ who }) => who !== undefined && 'patterns' in who);
  const denials = access.filter(({ effect }) => effect === 'forbid');
  return access.flatMap((allow) => {
    const { path, who } = allow;
    if (allow.effect !== 'permit' || path === undefined || who === undefined || !('patterns' in who)) return [];
    return who.patterns.flatMap((pattern, i) => {
      const one = { ...allow, who: { patterns: [pattern] } };
      const denial = denials.find((deny) => namesPattern(deny, pattern) && covers(deny, one, budget));
      if (!denial) return [];
      const line = denial.path === undefined ? undefined : lineOf?.(denial.path);
      const where = line === undefined ? denial.label : `${denial.label} (line ${line})`;
      return [error('contradiction', `${path}.patterns.${i}`, `is allowed here and denied by ${where}, which wins`)];
    });
  });
}

const namesPattern = ({ who }: RuleView, pattern: string): boolean =>
  who !== undefined && 'patterns' in who && who.patterns.includes(pattern);
