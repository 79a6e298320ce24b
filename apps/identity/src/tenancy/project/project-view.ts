import { memberRole } from '@gatehouse/contracts';
import { z } from 'zod';
import type { ProjectRow } from './project-rows.service.js';

export const projectView = z.object({
  projectId: z.string(),
  name: z.string(),
  environments: z.array(z.string()),
  createdAt: z.iso.datetime(),
  /** For `If-Match`. */
  revision: z.int(),
});

export const viewOfProject = (row: ProjectRow): z.output<typeof projectView> => ({
  projectId: row.projectId,
  name: row.name,
  environments: [...row.environments],
  createdAt: row.createdAt.toISOString(),
  revision: row.revision,
});

export const projectSubject = z.strictObject({
  type: z.enum(['user', 'team']),
  /** A person's id, or a team's. */
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is neither the id of a person nor of a team'),
});

export const projectRoleView = z.object({ projectId: z.string(), subject: projectSubject, role: memberRole });
