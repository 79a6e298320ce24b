import { z } from 'zod';
import type { Export } from './export.js';

/** One export as its requester and its person see it. */
export const exportView = z.object({
  exportId: z.uuid(),
  userId: z.uuid(),
  requestedBy: z.object({ type: z.string(), id: z.string() }),
  requestedAt: z.iso.datetime(),
  status: z.enum(['queued', 'running', 'ready', 'failed', 'expired']),
  /** Steps; `phase` names the one that runs, `records` counts what was written. */
  progress: z.object({ done: z.int(), total: z.int(), phase: z.string(), records: z.int() }),
  problem: z.string().optional(),
  completedAt: z.iso.datetime().optional(),
  expiresAt: z.iso.datetime(),
  files: z.int().optional(),
  bytes: z.int().optional(),
});

export const viewOfExport = (job: Export, nowMs: number): z.output<typeof exportView> => ({
  exportId: job.exportId,
  userId: job.userId,
  requestedBy: { type: job.askedBy.type, id: job.askedBy.id },
  requestedAt: job.requestedAt.toISOString(),
  status: isExpired(job, nowMs) ? 'expired' : job.status,
  progress: job.progress,
  ...(job.problem !== undefined && { problem: job.problem }),
  ...(job.completedAt && { completedAt: job.completedAt.toISOString() }),
  expiresAt: job.expiresAt.toISOString(),
  ...(job.files !== undefined && { files: job.files }),
  ...(job.bytes !== undefined && { bytes: job.bytes }),
});

/** An archive has a time; a failed job has none to lose. */
export const isExpired = ({ status, expiresAt }: Export, nowMs: number): boolean =>
  status === 'ready' && expiresAt.getTime() <= nowMs;

/** The requester: the same person or, of a service, the same name in the same tenant. */
export const isAskedBy = (
  { askedBy }: Pick<Export, 'askedBy'>,
  { type, id, tenantId }: { readonly type: string; readonly id: string; readonly tenantId: string },
): boolean => askedBy.type === type && askedBy.id === id && (type === 'user' || askedBy.tenantId === tenantId);
