import { z } from 'zod';

/**
 * Export and erasure of a person stand in `export:<id>` and `erasure:<id>` of the person's home tenant; whoever asked is
 * the actor. No event holds what was exported or erased, only how much.
 */
export const exportRequested = z.object({ exportId: z.uuid(), userId: z.uuid() });
export type ExportRequested = z.infer<typeof exportRequested>;

export const exportCompleted = z.object({
  exportId: z.uuid(),
  userId: z.uuid(),
  files: z.int(),
  records: z.int(),
  bytes: z.int(),
});
export type ExportCompleted = z.infer<typeof exportCompleted>;

export const exportFailed = z.object({
  exportId: z.uuid(),
  userId: z.uuid(),
  reason: z.enum(['too_large', 'too_many_attempts', 'erased']),
});
export type ExportFailed = z.infer<typeof exportFailed>;

/** Somebody who may read the archive has begun to. */
export const exportDownloaded = z.object({ exportId: z.uuid(), userId: z.uuid() });
export type ExportDownloaded = z.infer<typeof exportDownloaded>;

/** From `dueAt` on the person will be erased; until then it can be cancelled. */
export const erasureRequested = z.object({ erasureId: z.uuid(), userId: z.uuid(), dueAt: z.iso.datetime() });
export type ErasureRequested = z.infer<typeof erasureRequested>;

export const erasureCancelled = z.object({ erasureId: z.uuid(), userId: z.uuid() });
export type ErasureCancelled = z.infer<typeof erasureCancelled>;

/** When it was due, something stood in its way that only people can settle. Nothing was erased. */
export const erasureRefused = z.object({
  erasureId: z.uuid(),
  userId: z.uuid(),
  reason: z.enum(['last_owner', 'too_many_attempts']),
});
export type ErasureRefused = z.infer<typeof erasureRefused>;

/**
 * The certificate, in the tenant of whoever asked for the erasure: what was destroyed, counted by kind. `userErased` is
 * the id of the event `user.erased`, the tombstone in the person's own stream.
 */
export const erasureCompleted = z.object({
  erasureId: z.uuid(),
  userId: z.uuid(),
  userErased: z.uuid(),
  destroyed: z.record(z.string(), z.int()),
});
export type ErasureCompleted = z.infer<typeof erasureCompleted>;

/** How long one kind of data is kept from now on, in the operator's tenant. */
export const retentionChanged = z.object({ kind: z.string(), days: z.int(), previousDays: z.int() });
export type RetentionChanged = z.infer<typeof retentionChanged>;

/** What the hourly job removed because its time was over, counted by kind. */
export const retentionApplied = z.object({ removed: z.record(z.string(), z.int()) });
export type RetentionApplied = z.infer<typeof retentionApplied>;

export const privacyEvents = {
  'export.requested': exportRequested,
  'export.completed': exportCompleted,
  'export.failed': exportFailed,
  'export.downloaded': exportDownloaded,
  'erasure.requested': erasureRequested,
  'erasure.cancelled': erasureCancelled,
  'erasure.refused': erasureRefused,
  'erasure.completed': erasureCompleted,
  'retention.changed': retentionChanged,
  'retention.applied': retentionApplied,
} as const;
