import { memberRole } from '@gatehouse/contracts';
import { z } from 'zod';
import type { Member } from '../memberships.service.js';

export const memberView = z.object({
  userId: z.uuid(),
  role: memberRole,
  addedAt: z.iso.datetime(),
  /** For `If-Match`. */
  revision: z.int(),
});

export const viewOfMember = ({ addedAt, ...row }: Member): z.output<typeof memberView> => ({
  ...row,
  addedAt: addedAt.toISOString(),
});
