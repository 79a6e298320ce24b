import { z } from 'zod';

/** An answer was sealed for one reader, in the stream `wrapped:<wrappedId>`. `wrappedId` is the accessor of its token. */
export const wrappingCreated = z.object({
  wrappedId: z.uuid(),
  /** The address that was called, without its query. */
  creationPath: z.string().max(1_024),
  expiresAt: z.iso.datetime(),
  /** The answer wrapped before that this one took the place of. */
  insteadOf: z.uuid().optional(),
});
export type WrappingCreated = z.infer<typeof wrappingCreated>;

/** The one reading. */
export const wrappingOpened = z.object({ wrappedId: z.uuid() });
export type WrappingOpened = z.infer<typeof wrappingOpened>;

/** Sealed anew under another token; this one opens nothing more. */
export const wrappingReplaced = z.object({ wrappedId: z.uuid(), by: z.uuid() });
export type WrappingReplaced = z.infer<typeof wrappingReplaced>;

/**
 * Somebody presented a token that opens nothing any more. `opened`: another one read the answer first, which is what
 * response wrapping is there to notice.
 */
export const wrappingUnwrapFailed = z.object({
  wrappedId: z.uuid(),
  reason: z.enum(['opened', 'replaced', 'expired', 'unreadable']),
  creationPath: z.string().max(1_024),
});
export type WrappingUnwrapFailed = z.infer<typeof wrappingUnwrapFailed>;

export const wrappingEvents = {
  'wrapping.created': wrappingCreated,
  'wrapping.opened': wrappingOpened,
  'wrapping.replaced': wrappingReplaced,
  'wrapping.unwrap_failed': wrappingUnwrapFailed,
} as const;
