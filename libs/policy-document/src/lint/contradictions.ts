import type { Condition, PolicyDocument, PolicyRule } from '@gatehouse/evaluator';
import { error, type Finding } from '../finding.js';
import { impossible } from './impossible.js';

/** Rules that can apply to nothing: a condition that never holds, a list of nobody or nothing. */
export function contradictionFindings({ roles = [], rules = [] }: PolicyDocument): Finding[] {
  return [
    ...roles.flatMap((role, i) => role.rules.flatMap(({ when }, j) => ofCondition(when, `roles.${i}.rules.${j}.when`))),
    ...rules.flatMap((rule, i) => ofRule(rule, `rules.${i}`)),
  ];
}

function ofCondition(when: Condition | undefined, path: string): Finding[] {
  const found = when && impossible(when, path);
  return found ? [error('contradiction', found.path, `can never hold: ${found.reason}`)] : [];
}

function ofRule(rule: PolicyRule, path: string): Finding[] {
  if (rule.type === 'cedar') return [];
  const who = 'who' in rule && rule.who ? emptyLists(rule.who, `${path}.who`, 'nobody') : [];
  const what = rule.what ? emptyLists(rule.what, `${path}.what`, 'nothing') : [];
  const patterns = rule.type === 'access' && rule.patterns.length === 0 ? [empty(`${path}.patterns`, 'nobody')] : [];
  return [...who, ...what, ...patterns, ...ofCondition(rule.when, `${path}.when`)];
}

const empty = (path: string, whom: string): Finding =>
  error('contradiction', path, `is an empty list, which means ${whom}`);

/** An empty list holds never: the list of alternatives, or one that all of them need. */
function emptyLists(selectors: object | readonly object[], path: string, whom: string): Finding[] {
  const isList = Array.isArray(selectors);
  const alternatives = (isList ? selectors : [selectors]) as readonly Readonly<Record<string, unknown>>[];
  if (alternatives.length === 0) return [empty(path, whom)];
  return alternatives.flatMap((alternative, i) => {
    const at = isList ? `${path}.${i}` : path;
    const labels = Object.entries((alternative.labels ?? {}) as Readonly<Record<string, unknown>>);
    const members = [
      ...Object.entries(alternative).map(([name, value]) => [`${at}.${name}`, value] as const),
      ...labels.map(([key, value]) => [`${at}.labels.${key}`, value] as const),
    ];
    return members.flatMap(([where, value]) =>
      Array.isArray(value) && value.length === 0 ? [empty(where, whom)] : [],
    );
  });
}
