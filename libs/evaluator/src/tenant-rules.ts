import { type Compiled, compileCondition } from './condition.js';
import type { Effect, MatchedRule, Obligation, PolicyRule, RateLimitRule } from './model.js';
import { actionPattern, compilePatterns, type TextPattern } from './pattern.js';
import { compileNames, compileWho, type Holds } from './targets.js';

type TargetedRule = Exclude<PolicyRule, { readonly type: 'cedar' }>;

/** What a rule of the document does when it applies. */
export type Does =
  | { readonly kind: Effect; readonly match: MatchedRule }
  | { readonly kind: 'limit'; readonly limit: RateLimitRule }
  | { readonly kind: 'oblige'; readonly on: Effect | 'any'; readonly obligation: Obligation };

/** A rule of the document; what it says of resources is worked out for each type. */
export interface TenantRule {
  readonly source: TargetedRule;
  readonly does: Does;
  /** Absent: every action. */
  readonly actions: readonly TextPattern[] | undefined;
  readonly who: Holds | undefined;
  readonly when: Compiled | undefined;
}

const effects = { allow: 'permit', deny: 'forbid' } as const;

const byEffect = (kind: Effect, policy: string): Does => ({ kind, match: Object.freeze({ effect: kind, policy }) });

function whatItDoes(rule: TargetedRule): Does {
  switch (rule.type) {
    case 'selector':
      return byEffect(rule.effect, rule.id);
    case 'access':
      return byEffect(effects[rule.mode], rule.id);
    case 'rate_limit':
      return { kind: 'limit', limit: rule };
    case 'obligation':
      return { kind: 'oblige', on: rule.on, obligation: { id: rule.id, ...rule.obligation } };
  }
}

const compileRule = (source: TargetedRule): TenantRule => ({
  source,
  does: whatItDoes(source),
  actions: source.actions && compilePatterns(source.actions, actionPattern),
  who: source.type === 'access' ? compileNames(source) : compileWho(source.who),
  when: source.when && compileCondition(source.when),
});

/** In the order of their ids. */
export const compileRules = (rules: readonly PolicyRule[]): readonly TenantRule[] =>
  rules
    .filter((rule) => rule.type !== 'cedar')
    .map(compileRule)
    .sort((a, b) => (a.source.id < b.source.id ? -1 : 1));
