import { policyLimits } from '@gatehouse/evaluator';
import { z } from 'zod';
import { when } from './condition.js';
import {
  actionPatterns,
  attributes,
  effect,
  isWhole,
  list,
  object,
  oneOf,
  resourcePatterns,
  roleName,
  ruleId,
  text,
  words,
} from './parts.js';

const labelSelector = z
  .record(text(128), z.union([z.string().max(256), list(z.string().max(256))]))
  .meta({ description: 'Each key must be present with one of the values; "*" is any value.' });

const who = object({
  anyone: z.literal(true).optional().meta({ description: 'Everybody.' }),
  users: list(text(256)).optional().meta({ description: 'Ids of subjects of type user.' }),
  subjects: list(text(330)).optional().meta({ description: 'Patterns: service/*, user/u_7.' }),
  teams: list(text(256)).optional(),
  orgs: list(text(256)).optional().meta({ description: 'Tenants the subject belongs to.' }),
  roles: list(roleName).optional().meta({ description: 'Roles held on a scope that covers the resource.' }),
  labels: labelSelector.optional(),
  relations: list(text(128)).optional().meta({ description: 'Relations to the resource.' }),
})
  .refine((value) => Object.keys(value).length > 0, {
    error: 'must name somebody; everybody is {anyone: true}',
    when: isWhole,
  })
  .meta({ id: 'Who', description: 'Whom the rule is about. All members must hold; of a list one entry.' });

const what = object({
  types: list(text(64)).optional().meta({ description: 'Types of resources.' }),
  resources: resourcePatterns.optional(),
  labels: labelSelector.optional(),
}).meta({ id: 'What', description: 'Which resources. All members must hold; none is every resource.' });

const oneOrMany = <T extends z.ZodType>(item: T) => z.union([item, list(item)]);

const targeted = {
  id: ruleId,
  description: words(2_000).optional(),
  actions: actionPatterns.optional(),
  what: oneOrMany(what).optional().meta({ description: 'Resources: one selector, or a list of which one must hold.' }),
  when: when.optional(),
};

const whoOf = oneOrMany(who).meta({ description: 'Subjects: one selector, or a list of which one must hold.' });

const selectorRule = object({ type: z.literal('selector'), ...targeted, effect, who: whoOf }).meta({
  description: 'Permits or forbids by subject, resource, action and condition.',
});

const namePatterns = list(text(512)).meta({
  description:
    'Names of subjects: globs (* ? [a-z] [!x]), or regex: and a regular expression of RE2. With a slash: type/id, else the id of a user.',
});

const accessRule = object({
  type: z.literal('access'),
  ...targeted,
  mode: oneOf(['allow', 'deny']).optional().meta({ description: 'allow permits, deny forbids.' }),
  patterns: namePatterns.optional(),
  allowed_users: namePatterns.optional().meta({ description: 'Instead of mode and patterns.' }),
  denied_users: namePatterns.optional().meta({ description: 'Instead of mode and patterns.' }),
}).meta({ description: 'Permits or forbids the subjects whose name matches a pattern.' });

const count = z.int().min(1).max(1_000_000_000);

const rateLimitRule = object({
  type: z.literal('rate_limit'),
  ...targeted,
  requests_per_period: count.optional(),
  period_seconds: z.int().min(1).max(31_536_000).optional(),
  scope: oneOf(['per_user', 'per_key', 'per_tenant', 'global'])
    .optional()
    .meta({ description: 'What is counted apart; per_user if absent.' }),
  burst: count.optional().meta({ description: 'Requests that may come at once.' }),
  who: whoOf.optional(),
  limit: z
    .string()
    .max(32)
    .optional()
    .meta({ description: 'Instead of the two: "10/s", "100/m", "1000/h", "5000/d".' }),
  rate: z.string().max(32).optional().meta({ description: 'The same as limit.' }),
  applied_to: z
    .tuple([z.literal('*')])
    .optional()
    .meta({ description: 'Only ["*"]; others are named by who.' }),
}).meta({ description: 'Counts the requests that would be permitted.' });

const obligationRule = object({
  type: z.literal('obligation'),
  ...targeted,
  on: oneOf(['permit', 'forbid', 'any']),
  who: whoOf.optional(),
  obligation: object({ type: text(64), properties: attributes.optional() }).meta({
    description: 'What is asked: step_up, notify, session_termination, or a type of your own.',
  }),
}).meta({ description: 'Asks something of whoever enforces the decision.' });

const cedarRule = object({
  type: z.literal('cedar'),
  id: ruleId,
  description: words(2_000).optional(),
  text: z.string().min(1).max(policyLimits.cedarChars).meta({ description: 'Cedar policies.' }),
}).meta({ description: 'Policies in the language Cedar.' });

export const ruleTypes = ['selector', 'access', 'rate_limit', 'obligation', 'cedar'] as const;

/** A rule as somebody wrote it: what `normalise` makes into one or two of the model. */
export const writtenRule = z.discriminatedUnion('type', [
  selectorRule,
  accessRule,
  rateLimitRule,
  obligationRule,
  cedarRule,
]);
export type WrittenRule = z.output<typeof writtenRule>;
export type Written<T extends WrittenRule['type']> = Extract<WrittenRule, { type: T }>;
