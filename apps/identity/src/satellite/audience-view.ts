import { audienceAccess } from '@gatehouse/contracts';
import { z } from 'zod';
import { audienceNamePattern } from './audience.js';
import type { AudienceRow } from './audiences.service.js';

export const audienceView = z.object({
  name: z.string(),
  active: z.boolean(),
  reason: z.string().optional(),
  access: audienceAccess,
  guests: z.boolean(),
  showsEmail: z.boolean(),
  createdAt: z.iso.datetime(),
  /** For `If-Match`. */
  revision: z.int(),
});
export type AudienceView = z.output<typeof audienceView>;

export const viewOfAudience = (row: AudienceRow): AudienceView => ({
  name: row.name,
  active: row.status === 'active',
  ...(row.reason !== null && { reason: row.reason }),
  access: row.access,
  guests: row.guests,
  showsEmail: row.showsEmail,
  createdAt: row.createdAt.toISOString(),
  revision: row.revision,
});

/** As people write it; what is stored and compared is trimmed and lower case. */
export const audienceName = z
  .string()
  .max(128)
  .trim()
  .toLowerCase()
  .regex(audienceNamePattern, 'is not letters, digits and hyphens, at most 63');

/** A page of names: the cursor is the last name of the page before. */
export const namePage = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().regex(audienceNamePattern, 'is no cursor of ours').optional(),
});

/** One row more than the page was asked for tells that there is a next one. */
export function pageOf<R extends { readonly name: string }>(rows: readonly R[], limit: number) {
  const page = rows.slice(0, limit);
  return { page, nextCursor: rows.length > limit ? (page.at(-1)?.name ?? null) : null };
}
