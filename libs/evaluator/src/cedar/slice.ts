import type { MatchedRule, Request, TenantFacts } from '../model.js';
import type { ReadyPolicy } from './policy.js';
import { World } from './world.js';

/** Pairs of types that are remembered for one action. */
const maxPairs = 1_024;

/** The policies that may speak of one action, by the types of principal and resource. */
export class Slice {
  readonly #principalTypes: ReadonlySet<string>;
  readonly #resourceTypes: ReadonlySet<string>;
  readonly #byTypes = new Map<string, readonly ReadyPolicy[]>();

  constructor(private readonly policies: readonly ReadyPolicy[]) {
    this.#principalTypes = new Set(policies.flatMap(({ principal }) => principal.type ?? []));
    this.#resourceTypes = new Set(policies.flatMap(({ resource }) => resource.type ?? []));
  }

  /** Those whose scope can match. Types that no scope names are one type here. */
  of({ principal, resource }: World): readonly ReadyPolicy[] {
    const principalType = this.#principalTypes.has(principal.type) ? principal.type : '';
    const resourceType = this.#resourceTypes.has(resource.type) ? resource.type : '';
    const key = `${principalType} ${resourceType}`;
    const known = this.#byTypes.get(key);
    if (known) return known;
    const selected = this.policies.filter(
      (policy) =>
        (policy.principal.type ?? principalType) === principalType &&
        (policy.resource.type ?? resourceType) === resourceType,
    );
    if (this.#byTypes.size >= maxPairs) this.#byTypes.clear();
    this.#byTypes.set(key, selected);
    return selected;
  }

  matches(facts: TenantFacts, request: Request, roles: readonly string[], nowMs: number): readonly MatchedRule[] {
    const world = new World(facts, request, roles, nowMs);
    let matched: MatchedRule[] | undefined;
    for (const { holds, match } of this.of(world)) {
      if (holds(world) !== true) continue;
      if (matched) matched.push(match);
      else matched = [match];
    }
    return matched ?? [];
  }
}
