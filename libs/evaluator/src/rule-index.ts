import type { Compiled } from './condition.js';
import type { Frame } from './frame.js';
import { literalName, namesType } from './glob.js';
import type { AccessRule, What, Who } from './model.js';
import { compilePatterns, resourcePattern } from './pattern.js';
import { alternatives, type Holds } from './targets.js';
import type { Does, TenantRule } from './tenant-rules.js';

/** A rule of the document that speaks of one action and may speak of one type. */
export interface PlannedRule {
  readonly id: string;
  readonly does: Does;
  readonly source: TenantRule['source'];
  readonly what: Holds | undefined;
  readonly who: Holds | undefined;
  readonly when: Compiled | undefined;
  /** The last visit: a rule that is found by two names is looked at once. */
  visit: number;
}

/** Where a rule is found; undefined: it has to be looked at always. */
export interface Key {
  readonly by: 'user' | 'name' | 'team' | 'org' | 'role' | 'resource';
  readonly names: readonly string[];
}

function keyOfWho({ users, teams, orgs, roles }: Who): Key | undefined {
  if (users) return { by: 'user', names: users };
  if (teams) return { by: 'team', names: teams };
  if (orgs) return { by: 'org', names: orgs };
  return roles && { by: 'role', names: roles };
}

/** Names in lower case, with their type. */
function keyOfNames({ patterns }: AccessRule): Key | undefined {
  const names = patterns.map((pattern) => {
    const name = literalName(pattern);
    return name === undefined || namesType(pattern) ? name : `user/${name}`;
  });
  return names.every((name) => name !== undefined) ? { by: 'name', names } : undefined;
}

function keyOfWhat({ resources }: What): Key | undefined {
  const ids = resources && compilePatterns(resources, resourcePattern).map(({ id }) => id);
  return ids?.every(({ kind }) => kind === 'is') ? { by: 'resource', names: ids.map(({ text }) => text) } : undefined;
}

/** All alternatives must have one, or the rule could apply without being found. */
const allKeys = (keys: readonly (Key | undefined)[]): readonly Key[] | undefined =>
  keys.every((key) => key !== undefined) ? keys : undefined;

/** Names without one of which a rule can't apply to a subject; undefined if there are none. */
export const whoKeys = ({ source }: PlannedRule): readonly Key[] | undefined =>
  source.type === 'access'
    ? allKeys([keyOfNames(source)])
    : source.who && allKeys(alternatives(source.who).map(keyOfWho));

/** The same for a resource. */
export const whatKeys = ({ source }: PlannedRule): readonly Key[] | undefined =>
  source.what && allKeys(alternatives(source.what).map(keyOfWhat));

const keysOf = (rule: PlannedRule): readonly Key[] | undefined => whoKeys(rule) ?? whatKeys(rule);

type ByName = Map<string, PlannedRule[]>;

/** Whoever looks at rules. */
export interface Visitor {
  look(rule: PlannedRule): void;
}

let visits = 0;

/** The rules of one plan, by the names without which they can't apply. */
export class RuleIndex {
  readonly all: readonly PlannedRule[];
  readonly #always: readonly PlannedRule[];
  readonly #by: Partial<Record<Key['by'], ByName>> = {};

  constructor(rules: readonly PlannedRule[]) {
    this.all = rules;
    this.#always = rules.filter((rule) => !this.#add(rule));
  }

  #add(rule: PlannedRule): boolean {
    const keys = keysOf(rule);
    for (const { by, names } of keys ?? []) {
      const map: ByName = this.#by[by] ?? new Map();
      this.#by[by] = map;
      for (const name of names) {
        const same = map.get(name);
        if (same) same.push(rule);
        else map.set(name, [rule]);
      }
    }
    return keys !== undefined;
  }

  /** Hands over every rule that may apply, each once, in no particular order. */
  visit(frame: Frame, to: Visitor): void {
    for (const rule of this.#always) to.look(rule);
    if (this.#always.length === this.all.length) return;
    const stamp = ++visits;
    const { user, name, team, org, role, resource } = this.#by;
    const { type, id } = frame.request.subject;
    if (user && type === 'user') lookOnce(user.get(id), stamp, to);
    if (name) lookOnce(name.get(`${type}/${id}`.toLowerCase()), stamp, to);
    if (team || org) {
      for (const group of frame.groups) {
        if (group.type === 'team') lookOnce(team?.get(group.id), stamp, to);
        else if (group.type === 'org') lookOnce(org?.get(group.id), stamp, to);
      }
    }
    if (role) for (const grant of frame.covering) lookOnce(role.get(grant.role), stamp, to);
    if (resource) lookOnce(resource.get(frame.request.resource.id), stamp, to);
  }
}

function lookOnce(rules: readonly PlannedRule[] | undefined, stamp: number, to: Visitor): void {
  if (!rules) return;
  for (const rule of rules) {
    if (rule.visit === stamp) continue;
    rule.visit = stamp;
    to.look(rule);
  }
}
