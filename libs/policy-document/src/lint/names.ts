import { builtinRoleNames, type PolicyDocument } from '@gatehouse/evaluator';
import { error, type Finding } from '../finding.js';
import { suggestion } from '../nearest.js';

/** Names that stand for nothing or for two things: roles, ids of rules, a circle of roles. */
export function nameFindings({ roles = [], rules = [] }: PolicyDocument): Finding[] {
  const known = new Set<string>([...builtinRoleNames, ...roles.map(({ name }) => name)]);
  const unknown = (role: string, path: string): Finding[] =>
    known.has(role) ? [] : [error('role_unknown', path, `is no role${suggestion(role, known)}`)];
  return [
    ...repeated(
      roles.map(({ name }) => name),
      (i) => `roles.${i}.name`,
      builtinRoleNames,
    ),
    ...repeated(
      rules.map(({ id }) => id),
      (i) => `rules.${i}.id`,
      [],
    ),
    ...roles.flatMap(({ inherits = [] }, i) =>
      inherits.flatMap((role, j) => unknown(role, `roles.${i}.inherits.${j}`)),
    ),
    ...rules.flatMap((rule, i) => {
      const who = 'who' in rule && rule.who ? rule.who : [];
      const alternatives = Array.isArray(who) ? who : [who];
      return alternatives.flatMap(({ roles: named = [] }, j) =>
        named.flatMap((role: string, k: number) =>
          unknown(role, `rules.${i}.who${Array.isArray(who) ? `.${j}` : ''}.roles.${k}`),
        ),
      );
    }),
  ];
}

function repeated(names: readonly string[], path: (i: number) => string, taken: readonly string[]): Finding[] {
  const seen = new Set<string>(taken);
  return names.flatMap((name, i) => {
    if (seen.has(name))
      return [error('rule_invalid', path(i), taken.includes(name) ? 'is a built-in role' : 'is there twice')];
    seen.add(name);
    return [];
  });
}
