import { z } from 'zod';
import type { Erasure } from './erasure.js';

/** Where an event stands in the ledger; without an index while the ledger has not taken it in yet. */
const ledgerEntry = z.object({
  eventId: z.uuid(),
  tenantId: z.string(),
  index: z.int().optional(),
  leafHash: z.string().optional(),
});
export type LedgerEntry = z.output<typeof ledgerEntry>;

export const erasureView = z.object({
  erasureId: z.uuid(),
  userId: z.uuid(),
  requestedBy: z.object({ type: z.string(), id: z.string() }),
  requestedAt: z.iso.datetime(),
  dueAt: z.iso.datetime(),
  status: z.enum(['waiting', 'running', 'done', 'cancelled', 'refused']),
  progress: z.object({ done: z.int(), total: z.int(), phase: z.string() }),
  problem: z.string().optional(),
  completedAt: z.iso.datetime().optional(),
  /** What was destroyed, counted by kind, and where the ledger says so. */
  certificate: z
    .object({
      userId: z.uuid(),
      completedAt: z.iso.datetime(),
      destroyed: z.record(z.string(), z.int()),
      /** `user.erased`, in the tenant where the person was at home. */
      tombstone: ledgerEntry,
      /** `erasure.completed`, in the tenant of whoever asked. */
      entry: ledgerEntry.optional(),
    })
    .optional(),
});

export const viewOfErasure = (
  job: Erasure,
  proven?: { readonly tombstone: LedgerEntry; readonly entry?: LedgerEntry | undefined },
): z.output<typeof erasureView> => ({
  erasureId: job.erasureId,
  userId: job.userId,
  requestedBy: { type: job.askedBy.type, id: job.askedBy.id },
  requestedAt: job.requestedAt.toISOString(),
  dueAt: job.dueAt.toISOString(),
  status: job.status,
  progress: job.progress,
  ...(job.problem !== undefined && { problem: job.problem }),
  ...(job.completedAt && { completedAt: job.completedAt.toISOString() }),
  ...(proven &&
    job.completedAt && {
      certificate: {
        userId: job.userId,
        completedAt: job.completedAt.toISOString(),
        destroyed: job.destroyed,
        tombstone: proven.tombstone,
        ...(proven.entry && { entry: proven.entry }),
      },
    }),
});
