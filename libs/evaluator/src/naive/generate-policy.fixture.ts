import { builtinRoleNames } from '../builtin-roles.js';
import type {
  Condition,
  Effect,
  LabelSelector,
  Operand,
  PolicyDocument,
  PolicyRule,
  Role,
  Rule,
  Test,
  What,
  Who,
} from '../model.js';
import {
  accessPatterns,
  actionPatterns,
  customRoles,
  labelKeys,
  labelValues,
  memberNames,
  networks,
  propertyNames,
  relations,
  resourcePatterns,
  resources,
  scalars,
  subjectPatterns,
  subjects,
} from './alphabet.fixture.js';
import type { Random } from './random.fixture.js';

export function randomDocument(random: Random): PolicyDocument | undefined {
  if (random.chance(0.04)) return undefined;
  const names = random.some(customRoles, 0, 6);
  const roles = names.map((name, at) => randomRole(random, name, [...builtinRoleNames, ...names.slice(0, at)]));
  const rules = random.list(0, 8, (at) =>
    randomRule(random, `${random.of(['r', 'R', 'z', 'constructor', 'to: ', 'r-1.'])}${at}`, [
      ...builtinRoleNames,
      ...names,
    ]),
  );
  // The order of declaration says nothing, so an heir may stand before its parent.
  return { ...(roles.length > 0 && { roles: roles.reverse() }), ...(rules.length > 0 && { rules }) };
}

const effectOf = (random: Random): Effect => (random.chance(0.8) ? 'permit' : 'forbid');

function randomRole(random: Random, name: string, parents: readonly string[]): Role {
  const inherits = random.chance(0.5) ? random.some(parents, 1, 3) : [];
  return {
    name,
    ...(inherits.length > 0 && { inherits }),
    rules: random.list(inherits.length > 0 ? 0 : 1, 3, () => randomRoleRule(random)),
  };
}

const randomRoleRule = (random: Random): Rule => ({
  effect: effectOf(random),
  actions: random.some(actionPatterns, 1, 3),
  ...(random.chance(0.4) && { resources: random.some(resourcePatterns, 1, 3) }),
  ...(random.chance(0.35) && { when: randomCondition(random, 2) }),
});

function randomRule(random: Random, id: string, roles: readonly string[]): PolicyRule {
  const targeted = {
    id,
    ...(random.chance(0.6) && { actions: random.some(actionPatterns, 1, 3) }),
    ...(random.chance(0.5) && { what: oneOrSome(random, () => randomWhat(random)) }),
    ...(random.chance(0.45) && { when: randomCondition(random, 3) }),
  };
  const who = () => oneOrSome(random, () => randomWho(random, roles));
  const kind = random.next();
  if (kind < 0.45) return { type: 'selector', effect: effectOf(random), who: who(), ...targeted };
  if (kind < 0.62) {
    const mode = random.chance(0.7) ? 'allow' : 'deny';
    return { type: 'access', mode, patterns: random.some(accessPatterns, 1, 3), ...targeted };
  }
  const optional = random.chance(0.4) ? { who: who() } : {};
  if (kind < 0.82) {
    const scope = random.of(['per_user', 'per_key', 'per_tenant', 'global'] as const);
    const burst = random.chance(0.3) ? { burst: 5 } : {};
    return {
      type: 'rate_limit',
      requests_per_period: 10,
      period_seconds: 60,
      scope,
      ...burst,
      ...optional,
      ...targeted,
    };
  }
  const properties = random.chance(0.5) ? { properties: { level: random.of(scalars) } } : {};
  const obligation = { type: random.of(['step_up', 'notify']), ...properties };
  return {
    type: 'obligation',
    on: random.of(['permit', 'forbid', 'any'] as const),
    obligation,
    ...optional,
    ...targeted,
  };
}

const oneOrSome = <T>(random: Random, make: () => T): T | T[] =>
  random.chance(0.7) ? make() : random.list(1, 3, make);

function randomWho(random: Random, roles: readonly string[]): Who {
  if (random.chance(0.25)) return { anyone: true };
  const who: Who = {
    ...(random.chance(0.25) && { users: random.some(idsOf('user'), 1, 3) }),
    ...(random.chance(0.2) && { subjects: random.some(subjectPatterns, 1, 2) }),
    ...(random.chance(0.2) && { teams: random.some(['t1', 't2', '__proto__'], 1, 2) }),
    ...(random.chance(0.15) && { orgs: random.some(['acme', 'umbrella'], 1, 2) }),
    ...(random.chance(0.25) && { roles: random.some(roles, 1, 3) }),
    ...(random.chance(0.2) && { labels: randomSelector(random) }),
    ...(random.chance(0.15) && { relations: random.some(relations, 1, 2) }),
  };
  return Object.keys(who).length > 0 ? who : { orgs: ['acme'] };
}

const idsOf = (type: string) => subjects.filter((subject) => subject.type === type).map(({ id }) => id);

const randomWhat = (random: Random): What => ({
  ...(random.chance(0.4) && { types: random.some([...new Set(resources.map(({ type }) => type))], 1, 4) }),
  ...(random.chance(0.4) && { resources: random.some(resourcePatterns, 1, 3) }),
  ...(random.chance(0.3) && { labels: randomSelector(random) }),
});

function randomSelector(random: Random): LabelSelector {
  const named = labelValues.filter((value) => value !== '');
  const values = () => random.of<string | string[]>(['*', random.of(named), random.some(named, 1, 2)]);
  return Object.fromEntries(random.some(labelKeys, 1, 2).map((key) => [key, values()]));
}

function randomCondition(random: Random, depth: number): Condition {
  const members: [string, Condition[keyof Condition]][] = [];
  const inner = () => randomCondition(random, depth - 1);
  if (depth > 0 && random.chance(0.2)) members.push(['all', random.list(0, 2, inner)]);
  if (depth > 0 && random.chance(0.3)) members.push(['any', random.list(0, 3, inner)]);
  if (depth > 0 && random.chance(0.25)) members.push(['not', inner()]);
  const least = members.length > 0 ? 0 : 1;
  for (const path of random.some(
    [...Array(6)].map(() => randomPath(random)),
    least,
    2,
  )) {
    members.push([path, randomTest(random, path)]);
  }
  return Object.fromEntries(members);
}

function randomPath(random: Random): string {
  const kind = random.next();
  if (kind < 0.15)
    return random.of(['subject.id', 'subject.type', 'resource.id', 'resource.type', 'action.name', 'resource.owner']);
  if (kind < 0.25) return `${random.of(['subject', 'resource'])}.labels.${random.of(labelKeys)}`;
  if (kind < 0.33) return random.of(['time.now', 'time.date', 'time.hour', 'time.weekday']);
  const root = random.of(['subject', 'resource', 'action', 'context', 'context']);
  const names = propertyNames.filter((name) => !['id', 'labels', 'owner', 'name'].includes(name));
  const deeper = random.chance(0.3) ? `.${random.of(memberNames)}` : '';
  return `${root}.${random.of(names)}${deeper}${deeper && random.chance(0.2) ? '.a' : ''}`;
}

function randomTest(random: Random, path: string): Test {
  if (path.endsWith('.ip') && random.chance(0.7)) return { cidr: random.of(networks) };
  if (random.chance(0.3)) return randomOperand(random, path);
  const test: Test = {
    ...(random.chance(0.12) && { eq: randomOperand(random, path) }),
    ...(random.chance(0.12) && { not: randomOperand(random, path) }),
    ...(random.chance(0.15) && { in: random.list(1, 3, () => randomOperand(random, path)) }),
    ...(random.chance(0.1) && { lt: randomOperand(random, path) }),
    ...(random.chance(0.1) && { lte: randomOperand(random, path) }),
    ...(random.chance(0.1) && { gt: randomOperand(random, path) }),
    ...(random.chance(0.1) && { gte: randomOperand(random, path) }),
    ...(random.chance(0.1) && { prefix: randomOperand(random, path) }),
    ...(random.chance(0.15) && { contains: randomOperand(random, path) }),
    ...(random.chance(0.1) && { cidr: random.of(networks) }),
    ...(random.chance(0.15) && { exists: random.chance(0.6) }),
  };
  return Object.keys(test).length > 0 ? test : { exists: true };
}

function randomOperand(random: Random, path: string): Operand {
  if (random.chance(0.15)) return { path: randomPath(random) };
  const fitting: Record<string, readonly (string | number)[]> = {
    'subject.id': ['u1', 'u', 'Alice'],
    'subject.type': ['user', 'service'],
    'resource.id': ['p1', 'staging/', 'd1'],
    'resource.type': ['project', 'secret', 'doc'],
    'action.name': ['doc.read', 'doc.', 'secret.read'],
    'resource.owner': ['user/u1', 'team/t1', 'org/acme'],
    'time.now': ['2026-11-23T00:00:00.000Z', '2026'],
    'time.date': ['2026-11-23', '2026-11-22', '1970-01-01'],
    'time.hour': [0, 12, 23],
    'time.weekday': [1, 6, 7],
  };
  const known = path.includes('.labels.') ? labelValues : fitting[path];
  if (known && random.chance(0.8)) return random.of<string | number>(known);
  return random.of(scalars) as Operand;
}
