import { z } from 'zod';
import { attributes, list, object, oneOf, roleName, text } from './parts.js';

const reference = z
  .union([text(600), object({ type: text(64), id: text(512), properties: attributes.optional() })])
  .meta({ id: 'Reference', description: 'type/id, or {type, id, properties}. One word alone is a scope: production.' });

const entity = z.union([text(600), object({ type: text(64), id: text(512) })]);

const facts = object({
  grants: list(object({ subject: entity, role: roleName, scope: z.union([z.literal('*'), entity]).optional() }))
    .optional()
    .meta({ description: 'Who has which role; on "*" if no scope is given.' }),
  groups: list(object({ group: entity, member: entity })).optional(),
  entities: list(
    object({
      entity,
      labels: z.record(text(128), z.string().max(256)).optional(),
      properties: attributes.optional(),
      parents: list(entity, 16).optional(),
      owner: entity.optional(),
    }),
  ).optional(),
  relationships: list(object({ subject: entity, relation: text(128), resource: entity })).optional(),
}).meta({ description: 'What is known in this test, and nothing else.' });

const expectation = z.union([
  oneOf(['permit', 'deny']),
  object({
    decision: oneOf(['permit', 'deny']),
    reason: oneOf(['permitted', 'forbidden', 'no_permit', 'no_grant', 'out_of_scope', 'rate_limited']).optional(),
    matched: list(text(200))
      .optional()
      .meta({ description: 'Each of these matched: the id of a rule, or role/<name>.' }),
    obligations: list(text(128)).optional().meta({ description: 'Exactly these rules ask something, by id.' }),
  }),
]);

export const writtenTest = object({
  name: text(200),
  request: object({
    subject: reference,
    action: z.union([text(128), object({ name: text(128), properties: attributes.optional() })]),
    resource: reference,
    context: attributes.optional(),
  }),
  facts: facts.optional(),
  now: z.iso
    .datetime({ offset: true })
    .optional()
    .meta({ description: 'RFC 3339; Monday 2026-01-05T12:00:00Z if absent.' }),
  expect: expectation,
}).meta({ id: 'TestCase', description: 'A question and the answer this policy must give.' });
export type WrittenTest = z.output<typeof writtenTest>;
