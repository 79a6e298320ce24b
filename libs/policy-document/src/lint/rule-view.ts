import { canonicalJson } from '@gatehouse/crypto';
import {
  actionPattern,
  builtinRoles,
  type Condition,
  type Effect,
  type PolicyDocument,
  type PolicyRule,
  type Role,
  type TextPattern,
  type What,
  type Who,
} from '@gatehouse/evaluator';

/** One permit or forbid of a document, in the form in which two of them are compared. */
export interface RuleView {
  /** Absent for a rule of a built-in role. */
  readonly path?: string;
  readonly label: string;
  /** Rules are compared within: one role, or the rules of the document. */
  readonly group: string;
  readonly effect: Effect;
  /** Absent: every action. */
  readonly actions?: readonly TextPattern[];
  /** Absent: every resource. */
  readonly what?: readonly What[];
  /** Of the rules of the document. */
  readonly who?: readonly Who[] | { readonly patterns: readonly string[] };
  /** Canonical text; absent: always. */
  readonly when?: string;
  /** Role rules that come by inheritance are not reported, since their place is elsewhere. */
  readonly isInherited: boolean;
  /** Everything but name and description. */
  readonly body: string;
}

const asList = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

const patternsOf = (actions: readonly string[]): readonly TextPattern[] =>
  actions.flatMap((action) => actionPattern(action) ?? []);

const whenOf = (when: Condition | undefined): string | undefined =>
  when === undefined || Object.keys(when).length === 0 ? undefined : canonicalJson(when);

/** Every permit and forbid of the document, role by role with what each inherits, then its rules. */
export function viewsOf({ roles = [], rules = [] }: PolicyDocument): readonly RuleView[] {
  const byName = new Map<string, { role: Role; index?: number }>(builtinRoles.map((role) => [role.name, { role }]));
  for (const [index, role] of roles.entries()) byName.set(role.name, { role, index });
  return [
    ...roles.flatMap((role) => lineage(role.name, byName).flatMap((name) => roleViews(role.name, name, byName))),
    ...rules.flatMap((rule, i) => ruleView(rule, `rules.${i}`)),
  ];
}

type RolesByName = ReadonlyMap<string, { role: Role; index?: number }>;

/** The role and all it inherits from, each once. */
function lineage(name: string, byName: RolesByName): readonly string[] {
  const names = new Set([name]);
  for (const each of names) for (const parent of byName.get(each)?.role.inherits ?? []) names.add(parent);
  return [...names];
}

function roleViews(group: string, name: string, byName: RolesByName): readonly RuleView[] {
  const { role, index } = byName.get(name) ?? {};
  return (role?.rules ?? []).map((rule, i): RuleView => {
    const when = whenOf(rule.when);
    return {
      ...(index !== undefined && { path: `roles.${index}.rules.${i}` }),
      label: `rule ${i} of role ${JSON.stringify(name)}`,
      group: `role ${group}`,
      effect: rule.effect,
      actions: patternsOf(rule.actions),
      ...(rule.resources && { what: [{ resources: rule.resources }] }),
      ...(when !== undefined && { when }),
      isInherited: name !== group,
      body: canonicalJson(rule),
    };
  });
}

function ruleView(rule: PolicyRule, path: string): readonly RuleView[] {
  if (rule.type !== 'selector' && rule.type !== 'access') return [];
  const { id, description: _words, ...body } = rule;
  const when = whenOf(rule.when);
  const isPermit = rule.type === 'selector' ? rule.effect === 'permit' : rule.mode === 'allow';
  return [
    {
      path,
      label: `rule ${JSON.stringify(id)}`,
      group: 'document',
      effect: isPermit ? 'permit' : 'forbid',
      ...(rule.actions && { actions: patternsOf(rule.actions) }),
      ...(rule.what !== undefined && { what: asList(rule.what) }),
      who: rule.type === 'selector' ? asList(rule.who) : { patterns: rule.patterns },
      ...(when !== undefined && { when }),
      isInherited: false,
      body: canonicalJson(body),
    },
  ];
}
