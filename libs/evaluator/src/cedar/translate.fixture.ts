import type { Condition, Grant, Operand, PolicyDocument, Role, Rule, SelectorRule, Test, What, Who } from '../model.js';

/** One Cedar policy, and what our evidence calls the rule that it stands for. */
export interface Translated {
  readonly text: string;
  readonly name: string;
}

const quoted = (text: string): string => JSON.stringify(text);
const literal = (value: Operand): string => (typeof value === 'string' ? quoted(value) : String(value));
const all = (parts: readonly string[]): string => (parts.length > 0 ? `(${parts.join(' && ')})` : 'true');
const any = (parts: readonly string[]): string => (parts.length > 0 ? `(${parts.join(' || ')})` : 'false');

const roots: Readonly<Record<string, string>> = { subject: 'principal', resource: 'resource', context: 'context' };

/** `{there, value}` of a path of two names. */
function path(of: string): { there: string; value: string } {
  const [root = '', name = ''] = of.split('.');
  if (name === 'id' || name === 'type') return { there: 'true', value: `${roots[root]}.${name}` };
  return { there: `${roots[root]} has ${name}`, value: `${roots[root]}.${name}` };
}

/** When a condition is true and when it is false: what is neither is unknown. */
interface Sides {
  readonly isTrue: string;
  readonly isFalse: string;
}

const compared: Readonly<Record<string, string>> = { eq: '==', not: '!=', lt: '<', lte: '<=', gt: '>', gte: '>=' };

function sidesOfTest(of: string, test: Test): Sides {
  const { there, value } = path(of);
  if (typeof test !== 'object' || test === null || 'path' in test) return sidesOfTest(of, { eq: test as Operand });
  const sides = Object.entries(test).map(([operator, operand]): Sides => {
    if (operator === 'exists') {
      const holds = operand ? `(${there})` : `!(${there})`;
      return { isTrue: holds, isFalse: `!${holds}` };
    }
    if (operator === 'prefix') {
      const like = `${value} like ${quoted(`${operand}*`)}`;
      return { isTrue: `(${there} && ${like})`, isFalse: `(${there} && !(${like}))` };
    }
    const isPath = typeof operand === 'object' && operand !== null && 'path' in operand;
    const right = isPath
      ? path((operand as { path: string }).path)
      : { there: 'true', value: literal(operand as Operand) };
    const both = `${there} && ${right.there}`;
    const holds = `(${value} ${compared[operator]} ${right.value})`;
    return { isTrue: `(${both} && ${holds})`, isFalse: `(${both} && !${holds})` };
  });
  return { isTrue: all(sides.map(({ isTrue }) => isTrue)), isFalse: any(sides.map(({ isFalse }) => isFalse)) };
}

/** Strong Kleene logic in two-valued logic. */
export function sidesOf(condition: Condition): Sides {
  const sides = Object.entries(condition).map(([key, value]): Sides => {
    if (key === 'not') {
      const { isTrue, isFalse } = sidesOf(value as Condition);
      return { isTrue: isFalse, isFalse: isTrue };
    }
    if (key === 'all' || key === 'any') {
      const of = (value as readonly Condition[]).map(sidesOf);
      const [trues, falses] = [of.map(({ isTrue }) => isTrue), of.map(({ isFalse }) => isFalse)];
      return key === 'all'
        ? { isTrue: all(trues), isFalse: any(falses) }
        : { isTrue: any(trues), isFalse: all(falses) };
    }
    return sidesOfTest(key, value as Test);
  });
  return { isTrue: all(sides.map(({ isTrue }) => isTrue)), isFalse: any(sides.map(({ isFalse }) => isFalse)) };
}

function conditionOf(effect: string, when: Condition | undefined): string {
  if (!when) return 'true';
  const { isTrue, isFalse } = sidesOf(when);
  return effect === 'permit' ? isTrue : `!${isFalse}`;
}

const actionOf = (patterns: readonly string[] | undefined): string =>
  patterns ? any(patterns.map((pattern) => `context.action.name like ${quoted(pattern)}`)) : 'true';

const resourceOf = (patterns: readonly string[]): string =>
  any(
    patterns.map((pattern) => {
      if (pattern === '*') return 'true';
      const slash = pattern.indexOf('/');
      return `(resource is ${pattern.slice(0, slash)} && resource.id like ${quoted(pattern.slice(slash + 1))})`;
    }),
  );

const scopeOf = ({ subject, scope }: Grant): string[] => [
  `principal in ${subject.type}::${quoted(subject.id)}`,
  ...(scope === '*' ? [] : [`resource in ${scope.type}::${quoted(scope.id)}`]),
];

const policy = (effect: string, parts: readonly string[]): string =>
  `${effect}(principal, action, resource) when { ${all(parts)} };`;

/** Own rules, then those of the roles it inherits from, each role once. */
function rulesOf(role: Role, roles: readonly Role[], seen = new Set<string>()): readonly Rule[] {
  if (seen.has(role.name)) return [];
  seen.add(role.name);
  const inherited = (role.inherits ?? []).flatMap((name) => roles.filter((other) => other.name === name));
  return [...role.rules, ...inherited.flatMap((other) => rulesOf(other, roles, seen))];
}

function ofGrant(grant: Grant, roles: readonly Role[]): readonly Translated[] {
  const role = roles.find(({ name }) => name === grant.role);
  return (role ? rulesOf(role, roles) : []).map(({ effect, actions, resources, when }, rule) => ({
    name: `${grant.id} ${grant.role} ${rule}`,
    text: policy(effect, [
      ...scopeOf(grant),
      actionOf(actions),
      resourceOf(resources ?? ['*']),
      conditionOf(effect, when),
    ]),
  }));
}

const listed = <T>(of: T | readonly T[]): readonly T[] => (Array.isArray(of) ? of : [of as T]);

const whoOf = ({ users, teams, subjects, roles }: Who, grants: readonly Grant[]): string =>
  all([
    ...(users ? [any(users.map((id) => `principal == user::${quoted(id)}`))] : []),
    ...(teams ? [any(teams.map((id) => `principal in team::${quoted(id)}`))] : []),
    ...(subjects ? [resourceOf(subjects).replaceAll('resource', 'principal')] : []),
    ...(roles ? [any(grants.filter(({ role }) => roles.includes(role)).map((grant) => all(scopeOf(grant))))] : []),
  ]);

const whatOf = ({ types, resources, labels }: What): string =>
  all([
    ...(types ? [any(types.map((type) => `resource is ${type}`))] : []),
    ...(resources ? [resourceOf(resources)] : []),
    ...Object.entries(labels ?? {}).map(([key, wanted]) => {
      const values = any(
        listed(wanted).map((value) => (value === '*' ? 'true' : `resource.labels.${key} == ${quoted(value)}`)),
      );
      return `(resource.labels has ${key} && ${values})`;
    }),
  ]);

const ofRule = ({ id, effect, who, what, actions, when }: SelectorRule, grants: readonly Grant[]): Translated => ({
  name: id,
  text: policy(effect, [
    any(listed(who).map((one) => whoOf(one, grants))),
    ...(what ? [any(listed(what).map(whatOf))] : []),
    actionOf(actions),
    conditionOf(effect, when),
  ]),
});

/** Grants of custom roles and selector rules as Cedar policies, which say the same if both evaluators are right. */
export const translate = (
  { roles = [], rules = [] }: PolicyDocument,
  grants: readonly Grant[],
): readonly Translated[] => [
  ...grants.flatMap((grant) => ofGrant(grant, roles)),
  ...rules.flatMap((rule) => (rule.type === 'selector' ? [ofRule(rule, grants)] : [])),
];
