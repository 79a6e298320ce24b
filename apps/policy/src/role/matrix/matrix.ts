import type { CompiledPolicy, SelectorRule } from '@gatehouse/evaluator';

/**
 * What holding a role in the whole tenant means for an action on a type of resource:
 * `permit` and `forbid` on every resource, whatever the circumstances; `some`: permitted on some resources;
 * `conditional`: it depends on attributes, or on more than the role; `none`: the role permits nothing there.
 */
export type Cell = 'permit' | 'forbid' | 'conditional' | 'some' | 'none';

/** Any type that no rule names. */
export const otherTypes = '*';

interface Said {
  readonly effect: 'permit' | 'forbid';
  /** Speaks of some resources of the type only. */
  readonly isPartial: boolean;
  readonly isConditional: boolean;
}

/** The types that the policy's rules tell apart from others, sorted. */
export function namedTypes({ roles, document }: CompiledPolicy): readonly string[] {
  const ofRoles = roles.flatMap(({ rules }) => rules.flatMap(({ resources = [] }) => resources));
  const whats = (document?.rules ?? []).flatMap((rule) => (rule.type === 'cedar' ? [] : [rule.what ?? []].flat()));
  const patterns = [...ofRoles, ...whats.flatMap(({ resources = [] }) => resources)];
  const types = [...patterns.map(typeOf), ...whats.flatMap((what) => what.types ?? [])];
  return [...new Set(types)].filter((type) => type !== otherTypes).sort();
}

const typeOf = (pattern: string): string => {
  const slash = pattern.indexOf('/');
  if (slash >= 0) return pattern.slice(0, slash);
  return pattern === '*' ? otherTypes : 'scope';
};

/**
 * From the rules of the role, and from selectors that speak of everybody or of this role. Rules about particular people,
 * labels or relations come on top of it for whom they mean.
 */
export function cellOf(policy: CompiledPolicy, role: string, action: string, type: string): Cell {
  const plan = policy.planFor(action, type);
  const ofRole = (plan.roles.get(role) ?? []).map(({ effect, what, when }): Said => {
    return { effect, isPartial: what !== undefined, isConditional: when !== undefined };
  });
  const ofRules = plan.rules.all.flatMap(({ source, does, what, when }): Said[] => {
    if (source.type !== 'selector' || (does.kind !== 'permit' && does.kind !== 'forbid')) return [];
    const meant = meansRole(source, role);
    const isConditional = when !== undefined || meant === 'perhaps';
    return meant === 'no' ? [] : [{ effect: does.kind, isPartial: what !== undefined, isConditional }];
  });
  return combine([...ofRole, ...ofRules]);
}

function meansRole({ who }: SelectorRule, role: string): 'yes' | 'no' | 'perhaps' {
  const alternatives = [who].flat().map((one) => {
    const { anyone, roles, ...more } = one;
    if (roles && !roles.includes(role)) return 'no';
    const isPlain = Object.keys(more).length === 0;
    if (roles) return isPlain ? 'yes' : 'perhaps';
    return anyone && isPlain ? 'yes' : 'no';
  });
  if (alternatives.includes('yes')) return 'yes';
  return alternatives.includes('perhaps') ? 'perhaps' : 'no';
}

function combine(said: readonly Said[]): Cell {
  const permits = said.filter(({ effect }) => effect === 'permit');
  const forbids = said.filter(({ effect }) => effect === 'forbid');
  const isWhole = ({ isPartial, isConditional }: Said) => !isPartial && !isConditional;
  if (forbids.some(isWhole)) return 'forbid';
  if (permits.length === 0) return 'none';
  const isPermitted = permits.some(isWhole);
  if (isPermitted && forbids.length === 0) return 'permit';
  const isConditional = [...forbids, ...(isPermitted ? [] : permits)].some((one) => one.isConditional);
  return isConditional ? 'conditional' : 'some';
}

/** A role's part of the matrix for one action: by type, what is not `none`. */
export function rowOf(policy: CompiledPolicy, role: string, action: string, types: readonly string[]) {
  const cells = types.map((type) => [type, cellOf(policy, role, action, type)] as const);
  return Object.fromEntries(cells.filter(([, cell]) => cell !== 'none'));
}
