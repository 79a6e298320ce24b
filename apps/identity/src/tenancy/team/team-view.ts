import { z } from 'zod';
import type { TeamRow } from './team-rows.service.js';

export const teamView = z.object({
  teamId: z.string(),
  name: z.string(),
  createdAt: z.iso.datetime(),
  /** For `If-Match`. */
  revision: z.int(),
});

export const viewOfTeam = ({ createdAt, ...row }: TeamRow): z.output<typeof teamView> => ({
  ...row,
  createdAt: createdAt.toISOString(),
});

export const teamMemberView = z.object({ teamId: z.string(), userId: z.uuid(), addedAt: z.iso.datetime() });
