import { builtinRoles, type PolicyDocument, type PolicyRule, type Role, type Rule } from '@gatehouse/evaluator';
import { readRuleName } from './tally.js';

/** A rule where it stands: role and number within that role's own rules. */
interface Place {
  readonly role: string;
  readonly index: number;
}

/** What the decisions of a time rested on. */
export class Usage {
  readonly grants = new Set<string>();
  readonly #rules = new Set<string>();
  /** `<role>#<n>`, by the numbering of evidence. */
  readonly #roleRules = new Set<string>();

  add(matched: readonly string[]): void {
    for (const name of matched) {
      const rule = readRuleName(name);
      if ('policy' in rule) {
        this.#rules.add(rule.policy);
      } else {
        this.grants.add(rule.grant);
        this.#roleRules.add(`${rule.role}#${rule.rule}`);
      }
    }
  }

  /** The document without the permit rules that nothing rested on, and what was left out. */
  reduce(document: PolicyDocument): { document: PolicyDocument; unusedRules: string[]; unusedRoleRules: string[] } {
    const roles = document.roles ?? [];
    const used = this.#usedPlaces(roles);
    const unusedRoleRules: string[] = [];
    const isKept = (role: string, rule: Rule, index: number) => {
      if (rule.effect !== 'permit' || used.has(`${role}#${index}`)) return true;
      unusedRoleRules.push(`${role}#${index}`);
      return false;
    };
    const keptRoles = roles.map((role) => ({
      ...role,
      rules: role.rules.filter((rule, at) => isKept(role.name, rule, at)),
    }));
    const unused = (document.rules ?? []).filter((rule) => isPermit(rule) && !this.#rules.has(rule.id));
    const keptRules = (document.rules ?? []).filter((rule) => !unused.includes(rule));
    const { roles: _roles, rules: _rules, ...rest } = document;
    return {
      document: { ...rest, ...(document.roles && { roles: keptRoles }), ...(document.rules && { rules: keptRules }) },
      unusedRules: unused.map(({ id }) => id),
      unusedRoleRules,
    };
  }

  /** Evidence numbers the rules of a role on through those it inherits: each is traced back to where it stands. */
  #usedPlaces(roles: readonly Role[]): ReadonlySet<string> {
    const used = new Set<string>();
    const all = [...builtinRoles, ...roles];
    for (const { name } of roles) {
      for (const [number, place] of placesOf(name, all, new Set()).entries()) {
        if (this.#roleRules.has(`${name}#${number}`)) used.add(`${place.role}#${place.index}`);
      }
    }
    return used;
  }
}

/** The rules of a role in the order of evidence (semantics.md 4): its own, then the inherited, each role once. */
function placesOf(name: string, roles: readonly Role[], seen: Set<string>): readonly Place[] {
  const role = roles.find((one) => one.name === name);
  if (!role || seen.has(name)) return [];
  seen.add(name);
  const own = role.rules.map((_, index) => ({ role: name, index }));
  return [...own, ...(role.inherits ?? []).flatMap((parent) => placesOf(parent, roles, seen))];
}

const isPermit = (rule: PolicyRule): boolean =>
  (rule.type === 'selector' && rule.effect === 'permit') || (rule.type === 'access' && rule.mode === 'allow');
