import type { MatchedRule } from '../model.js';
import { type Compiled, ExpressionCompiler } from './expression.js';
import type { ParsedPolicy } from './parse-text.js';
import { actionNames, type Constraint, entityConstraint } from './scope.js';
import type { World } from './world.js';

/** One Cedar policy, ready. */
export interface ReadyPolicy {
  /** What stands in the evidence. */
  readonly match: MatchedRule;
  /** Undefined: every action. */
  readonly actions: readonly string[] | undefined;
  readonly principal: Constraint;
  readonly resource: Constraint;
  /** Whether it is satisfied, its `action` left out; undefined if evaluating it fails. */
  readonly holds: (world: World) => boolean | undefined;
  /** What a decision pays at most. */
  readonly nodes: number;
}

interface Condition extends Compiled {
  /** `when` wants true, `unless` false. */
  readonly wanted: boolean;
}

/** Scope first, then the conditions in order: what comes after the first that does not hold is not looked at. */
function satisfied(
  principal: Constraint,
  resource: Constraint,
  conditions: readonly Condition[],
): ReadyPolicy['holds'] {
  const [holdsPrincipal, holdsResource] = [principal.holds, resource.holds];
  return (world) => {
    if (holdsPrincipal && !holdsPrincipal(world.principal, world)) return false;
    if (holdsResource && !holdsResource(world.resource, world)) return false;
    for (const { run, wanted } of conditions) {
      const value = run(world);
      if (typeof value !== 'boolean') return undefined;
      if (value !== wanted) return false;
    }
    return true;
  };
}

/** Throws `UnknownExpression` for what a newer Cedar may bring. */
export function readyPolicy(ruleId: string, { name, json, longType }: ParsedPolicy): ReadyPolicy {
  const compiler = new ExpressionCompiler(longType);
  const conditions = json.conditions.map(({ kind, body }) => ({ ...compiler.compile(body), wanted: kind === 'when' }));
  const principal = entityConstraint(json.principal);
  const resource = entityConstraint(json.resource);
  return {
    match: Object.freeze({ effect: json.effect, policy: `${ruleId}/${name}` }),
    actions: actionNames(json.action),
    principal,
    resource,
    holds: satisfied(principal, resource, conditions),
    nodes: compiler.nodes,
  };
}
