import type { CompiledPolicy, PolicyRule, Who } from '@gatehouse/evaluator';

/** `org::"acme"` in the text of Cedar policies. */
const cedarOrganization = /\borg\s*::\s*"((?:[^"\\]|\\.)*)"/g;

const whoOf = (rule: PolicyRule): readonly Who[] => {
  if (!('who' in rule) || rule.who === undefined) return [];
  return 'length' in rule.who ? rule.who : [rule.who];
};

const organizationsOfRule = (rule: PolicyRule): readonly string[] =>
  rule.type === 'cedar'
    ? [...rule.text.matchAll(cedarOrganization)].map(([, id = '']) => id)
    : whoOf(rule).flatMap(({ orgs = [] }) => orgs);

/** The tenants that a policy names: who belongs to them matters to its decisions. */
export const organizationsOf = ({ document }: Pick<CompiledPolicy, 'document'>): readonly string[] => [
  ...new Set((document?.rules ?? []).flatMap(organizationsOfRule)),
];
