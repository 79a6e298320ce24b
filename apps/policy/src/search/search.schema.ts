import { z } from 'zod';
import { pageLimits, type SearchKind } from './search-request.js';

// These describe; the parsing is that of search-request.ts.
const properties = z.looseObject({}).optional();
const entity = z.looseObject({ type: z.string(), id: z.string(), properties });
const openEntity = z.looseObject({ type: z.string() });
const action = z.looseObject({ name: z.string(), properties });
const context = z
  .looseObject({
    as_of: z.string().optional().describe('A position, or a time of RFC 3339: who could, then'),
    explain: z.boolean().optional().describe('Why, with the events that made it so; at most 100 results a page'),
  })
  .optional();
const page = z
  .looseObject({
    token: z.string().max(pageLimits.tokenLength).optional(),
    limit: z.number().int().min(0).default(pageLimits.default).describe(`At most ${pageLimits.max} count.`),
    properties,
  })
  .optional();

const bodies: Readonly<Record<SearchKind, z.ZodType>> = {
  subject: z.looseObject({ subject: openEntity, action, resource: entity, context, page }),
  resource: z.looseObject({ subject: entity, action, resource: openEntity, context, page }),
  action: z.looseObject({ subject: entity, resource: entity, context, page }),
};
export const bodySchema = (kind: SearchKind): z.ZodType => bodies[kind];

const obligation = z.looseObject({ id: z.string(), type: z.string() });
const origin = z.object({
  id: z.string(),
  type: z.string(),
  position: z.string(),
  occurredAt: z.string(),
  actor: entity,
});
const reason = z.looseObject({
  effect: z.string(),
  role: z.string().optional(),
  grant: z.string().optional(),
  policy: z.string().optional(),
  scope: z.string().optional(),
  holder: entity.optional(),
  events: z.array(origin),
});
const told = z.object({ obligations: z.array(obligation).optional(), because: z.array(reason).optional() }).optional();
const foundEntity = z.object({ type: z.string(), id: z.string(), context: told });
const foundAction = z.object({ name: z.string(), context: told });

export const answerSchema = (kind: SearchKind): z.ZodType =>
  z.object({
    page: z.object({ next_token: z.string(), count: z.int(), total: z.int().optional() }),
    context: z.object({
      id: z.string().optional(),
      evidence: z.object({ policy: z.string(), facts: z.string() }),
      as_of: z.string().optional(),
      position: z.string().optional(),
    }),
    results: z.array(kind === 'action' ? foundAction : foundEntity),
  });
