import { builtinRoleNames } from './builtin-roles.js';
import { cedarErrors, cedarSizeErrors, cedarSumErrors } from './cedar/compile-cedar.js';
import { conditionErrors } from './condition-errors.js';
import { compileName } from './glob.js';
import type { FieldError, LabelSelector, PolicyDocument, PolicyRule, Role, What, Who } from './model.js';
import { isPrintable } from './parse.js';
import { compilePath } from './path.js';
import { actionPattern, resourcePattern } from './pattern.js';

/** Bounds of a policy: a mistake in one must not make every decision slow. */
export const policyLimits = {
  roles: 256,
  rulesPerRole: 256,
  patternsPerRule: 64,
  rules: 4_096,
  alternatives: 64,
  names: 1_024,
  labels: 16,
  recorded: 64,
  cedarChars: 65_536,
  nameChars: 512,
  requests: 1_000_000_000,
  periodSeconds: 31_622_400,
} as const;

export { PolicyError } from './policy-error.js';

type Errors = readonly FieldError[];
const ok: Errors = [];
const wrong = (path: string, message: string): Errors => [{ path, message }];

const roleName = /^[a-z][a-z0-9_-]{0,63}$/;
/** None of the signs that stand between names in evidence. */
const ruleId = /^[A-Za-z0-9_][A-Za-z0-9 _.:-]{0,127}$/;

function listErrors(
  list: readonly string[] | undefined,
  path: string,
  most: number,
  one: (source: string) => unknown,
  message: string,
): Errors {
  if (list === undefined) return ok;
  if (list.length > most) return wrong(path, `must have at most ${most} entries`);
  return list.flatMap((source, i) => (one(source) ? ok : wrong(`${path}.${i}`, message)));
}

const patternErrors = (list: readonly string[] | undefined, path: string, one: (source: string) => unknown): Errors =>
  list?.length === 0
    ? wrong(path, 'must not be empty')
    : listErrors(list, path, policyLimits.patternsPerRule, one, 'is no pattern');

const isName = (name: string): boolean => isPrintable(name, policyLimits.nameChars);
const nameErrors = (list: readonly string[] | undefined, path: string): Errors =>
  listErrors(list, path, policyLimits.names, isName, 'is no name');

const whenErrors = (rule: { readonly when?: PolicyRuleWhen }, path: string): Errors =>
  rule.when === undefined ? ok : conditionErrors(rule.when, `${path}.when`);
type PolicyRuleWhen = Parameters<typeof conditionErrors>[0];

function roleErrors(role: Role, path: string): Errors {
  if (role.rules.length > policyLimits.rulesPerRole)
    return wrong(`${path}.rules`, `must have at most ${policyLimits.rulesPerRole} rules`);
  const name = roleName.test(role.name) ? ok : wrong(`${path}.name`, 'must be a lower-case word');
  const rules = role.rules.flatMap((rule, i) => [
    ...patternErrors(rule.actions, `${path}.rules.${i}.actions`, actionPattern),
    ...patternErrors(rule.resources, `${path}.rules.${i}.resources`, resourcePattern),
    ...whenErrors(rule, `${path}.rules.${i}`),
  ]);
  return [...name, ...rules];
}

/** Whether a role comes back to itself. */
function isCyclic(role: Role, byName: ReadonlyMap<string, Role>): boolean {
  const seen = new Set<string>();
  const queue = [...(role.inherits ?? [])];
  for (const name of queue) {
    if (name === role.name) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    queue.push(...(byName.get(name)?.inherits ?? []));
  }
  return false;
}

function rolesErrors(roles: readonly Role[]): Errors {
  if (roles.length > policyLimits.roles) return wrong('roles', `must have at most ${policyLimits.roles} roles`);
  const builtin = new Set<string>(builtinRoleNames);
  const byName = new Map(roles.map((role) => [role.name, role]));
  const names = roles.map(({ name }) => name);
  return roles.flatMap((role, i) => {
    const path = `roles.${i}`;
    const name = builtin.has(role.name)
      ? wrong(`${path}.name`, 'is the name of a built-in role')
      : names.indexOf(role.name) === i
        ? ok
        : wrong(`${path}.name`, 'is the name of another role');
    const isKnown = (other: string) => builtin.has(other) || byName.has(other);
    const inherits = listErrors(role.inherits, `${path}.inherits`, policyLimits.roles, isKnown, 'is no role');
    const cycle = isCyclic(role, byName) ? wrong(`${path}.inherits`, 'comes back to this role') : ok;
    return [...name, ...roleErrors(role, path), ...inherits, ...cycle];
  });
}

function labelErrors(labels: LabelSelector | undefined, path: string): Errors {
  if (labels === undefined) return ok;
  const entries = Object.entries(labels);
  if (entries.length > policyLimits.labels) return wrong(path, `must have at most ${policyLimits.labels} labels`);
  return entries.flatMap(([key, values]) =>
    listErrors(
      typeof values === 'string' ? [values] : values,
      `${path}.${key}`,
      policyLimits.names,
      (value) => value === '' || isName(value),
      'is no value of a label',
    ),
  );
}

function whoErrors(who: Who, path: string, isRole: (name: string) => boolean): Errors {
  const { anyone, users, subjects, teams, orgs, roles, labels, relations } = who;
  const given = [anyone, users, subjects, teams, orgs, roles, labels, relations].filter((each) => each !== undefined);
  return [
    ...(given.length === 0 ? wrong(path, 'must say who') : ok),
    ...(anyone === undefined || anyone === true ? ok : wrong(`${path}.anyone`, 'must be true')),
    ...listErrors(subjects, `${path}.subjects`, policyLimits.names, resourcePattern, 'is no pattern'),
    ...listErrors(roles, `${path}.roles`, policyLimits.names, isRole, 'is no role'),
    ...Object.entries({ users, teams, orgs, relations }).flatMap(([key, list]) => nameErrors(list, `${path}.${key}`)),
    ...labelErrors(labels, `${path}.labels`),
  ];
}

const whatErrors = ({ types, resources, labels }: What, path: string): Errors => [
  ...nameErrors(types, `${path}.types`),
  ...listErrors(resources, `${path}.resources`, policyLimits.names, resourcePattern, 'is no pattern'),
  ...labelErrors(labels, `${path}.labels`),
];

/** One alternative or several; none at all would never hold. */
function alternativeErrors<T>(given: T | readonly T[] | undefined, path: string, one: (each: T, at: string) => Errors) {
  if (given === undefined) return ok;
  if (!Array.isArray(given)) return one(given as T, path);
  if (given.length > policyLimits.alternatives)
    return wrong(path, `must have at most ${policyLimits.alternatives} alternatives`);
  return given.flatMap((each: T, i) => one(each, `${path}.${i}`));
}

const isWhole = (value: unknown, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;

const numberErrors = (value: unknown, most: number, path: string): Errors =>
  isWhole(value, most) ? ok : wrong(path, `must be a whole number from 1 to ${most}`);

/** What is particular to each type of rule. */
function ownErrors(rule: PolicyRule, path: string): Errors {
  switch (rule.type) {
    case 'selector':
      return rule.effect === 'permit' || rule.effect === 'forbid'
        ? ok
        : wrong(`${path}.effect`, 'must be permit or forbid');
    case 'access':
      return [
        ...(rule.mode === 'allow' || rule.mode === 'deny' ? ok : wrong(`${path}.mode`, 'must be allow or deny')),
        ...listErrors(rule.patterns, `${path}.patterns`, policyLimits.names, compileName, 'is no pattern'),
      ];
    case 'rate_limit':
      return [
        ...numberErrors(rule.requests_per_period, policyLimits.requests, `${path}.requests_per_period`),
        ...numberErrors(rule.period_seconds, policyLimits.periodSeconds, `${path}.period_seconds`),
        ...(rule.burst === undefined ? ok : numberErrors(rule.burst, policyLimits.requests, `${path}.burst`)),
        ...(['per_user', 'per_key', 'per_tenant', 'global'].includes(rule.scope)
          ? ok
          : wrong(`${path}.scope`, 'must be per_user, per_key, per_tenant or global')),
      ];
    case 'obligation':
      return [
        ...(['permit', 'forbid', 'any'].includes(rule.on) ? ok : wrong(`${path}.on`, 'must be permit, forbid or any')),
        ...(isName(rule.obligation.type) ? ok : wrong(`${path}.obligation.type`, 'is no name')),
      ];
    case 'cedar':
      return cedarErrors(rule).map((error) => ({
        path: `${path}.text`,
        message: `${error.path} ${error.message}`,
      }));
    default:
      return wrong(`${path}.type`, 'must be selector, access, rate_limit, obligation or cedar');
  }
}

function ruleErrors(rule: PolicyRule, path: string, isRole: (name: string) => boolean): Errors {
  const id = ruleId.test(rule.id) ? ok : wrong(`${path}.id`, 'must be letters, digits, blanks and _ . : - alone');
  const own = ownErrors(rule, path);
  if (own.some((error) => error.path === `${path}.type`) || rule.type === 'cedar') return [...id, ...own];
  return [
    ...id,
    ...own,
    ...patternErrors(rule.actions, `${path}.actions`, actionPattern),
    ...alternativeErrors(rule.what, `${path}.what`, whatErrors),
    ...('who' in rule ? alternativeErrors(rule.who, `${path}.who`, (who, at) => whoErrors(who, at, isRole)) : ok),
    ...whenErrors(rule, path),
  ];
}

function rulesErrors(rules: readonly PolicyRule[], roles: readonly Role[]): Errors {
  if (rules.length > policyLimits.rules) return wrong('rules', `must have at most ${policyLimits.rules} rules`);
  const known = new Set<string>([...builtinRoleNames, ...roles.map(({ name }) => name)]);
  const cedarRules = rules.filter((rule) => rule.type === 'cedar');
  const tooLarge = cedarSizeErrors(cedarRules);
  if (tooLarge.length > 0) return tooLarge.map(({ message }) => ({ path: 'rules', message }));
  const seen = new Set<string>();
  const errors = rules.flatMap((rule, i) => {
    const isTwice = seen.has(rule.id);
    seen.add(rule.id);
    return [
      ...(isTwice ? wrong(`rules.${i}.id`, 'is the id of another rule') : ok),
      ...ruleErrors(rule, `rules.${i}`, (name) => known.has(name)),
    ];
  });
  return [...errors, ...cedarSumErrors(cedarRules).map(({ message }) => ({ path: 'rules', message }))];
}

/** All that keeps a policy from being compiled; empty if nothing does. */
export const policyErrors = (document: PolicyDocument): readonly FieldError[] => [
  ...rolesErrors(document.roles ?? []),
  ...rulesErrors(document.rules ?? [], document.roles ?? []),
  ...listErrors(document.record, 'record', policyLimits.recorded, compilePath, 'is no path of an attribute'),
];
