import type { EntityDescribed } from '@gatehouse/contracts';
import { z } from 'zod';
import type { EntityRow } from './entity-list/entity-list.entity.js';
import type { RelationshipRow } from './relationship-list/relationship-list.entity.js';

const name = z.object({ type: z.string(), id: z.string() });

/** For the API document. */
export const entityView = z.object({
  entity: name,
  labels: z.record(z.string(), z.string()),
  properties: z.record(z.string(), z.unknown()),
  parents: z.array(name),
  owner: name.optional(),
  revision: z.number(),
});

/** Where a write stands in policy's log: hand it to a decision that must see it. Absent when nothing changed. */
export const written = { position: z.string().optional() };

export const describedView = (facts: EntityDescribed, revision: number) => ({ ...facts, revision });

export const entityRowView = (row: EntityRow) => ({
  entity: { type: row.entityType, id: row.entityId },
  labels: row.labels,
  properties: row.properties,
  parents: row.parents,
  ...(row.ownerType !== null && { owner: { type: row.ownerType, id: row.ownerId ?? '' } }),
  revision: row.revision,
  describedBy: { type: row.describedByType, id: row.describedById },
  describedAt: row.describedAt.toISOString(),
});

export const relationshipView = (row: RelationshipRow) => ({
  relationshipId: row.relationshipId,
  subject: { type: row.subjectType, id: row.subjectId },
  relation: row.relation,
  resource: { type: row.resourceType, id: row.resourceId },
  revision: row.revision,
  madeBy: { type: row.madeByType, id: row.madeById },
  madeAt: row.madeAt.toISOString(),
});
