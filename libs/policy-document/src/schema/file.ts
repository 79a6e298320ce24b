import { z } from 'zod';
import { documentLimits } from '../limits.js';
import { when } from './condition.js';
import { actionPatterns, effect, list, object, resourcePatterns, roleName, text, words } from './parts.js';
import { writtenRule } from './rule.js';
import { writtenTest } from './test-case.js';

const roleRule = object({
  effect,
  actions: actionPatterns,
  resources: resourcePatterns.optional(),
  when: when.optional(),
});

const role = object({
  name: roleName,
  description: words(2_000).optional(),
  inherits: list(roleName, documentLimits.roles)
    .optional()
    .meta({ description: 'Roles whose rules this one has too.' }),
  rules: list(roleRule),
}).meta({ id: 'Role', description: 'A role of your own; grants give it to somebody.' });

/** A file with a policy: what a decision reads, and what helps those who write it. */
export const policyFile = object({
  $schema: text(512).optional().meta({ description: 'Where an editor finds this schema.' }),
  title: text(200).optional().meta({ description: 'A few words on what this version is.' }),
  actions: list(text(128))
    .optional()
    .meta({ description: 'Actions of your services, so that a misspelt one is noticed.' }),
  roles: list(role, documentLimits.roles).optional(),
  rules: list(writtenRule, documentLimits.rules).optional(),
  record: list(text(256))
    .optional()
    .meta({ description: 'Attributes to record beside those the rules read, to try later policies on the past.' }),
  tests: list(writtenTest, documentLimits.tests).optional(),
});
export type WrittenFile = z.output<typeof policyFile>;

/** For editors: `# yaml-language-server: $schema=<file>` as the first line of a policy. */
export const policyJsonSchema: Readonly<Record<string, unknown>> = {
  ...z.toJSONSchema(policyFile, { target: 'draft-2020-12', io: 'input' }),
  title: 'Gatehouse policy',
};
