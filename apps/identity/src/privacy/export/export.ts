/** One export of a person, as its row holds it. */
export interface Export {
  readonly exportId: string;
  readonly userId: string;
  readonly homeTenantId: string;
  readonly askedBy: { readonly type: string; readonly id: string; readonly tenantId: string };
  readonly correlationId: string;
  readonly status: 'queued' | 'running' | 'ready' | 'failed';
  readonly progress: Progress;
  /** How often a replica has begun it; the number also fences one that lost its turn and does not know yet. */
  readonly attempt: number;
  readonly problem?: string;
  readonly files?: number;
  readonly bytes?: number;
  readonly chunks?: number;
  readonly requestedAt: Date;
  readonly completedAt?: Date;
  readonly expiresAt: Date;
}

/** Steps done and in all, the one that runs, and how many records have been written. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly phase: string;
  readonly records: number;
}

export const exportStream = (exportId: string): string => `export:${exportId}`;

/** The name of the field that the person's key seals: base64 of the archive's own key. */
export const archiveKeyField = 'export_key';

/** Names the archive in every piece of it. */
export const chunkContext = (exportId: string): string => `export:${exportId}`;

/** After a failure that may pass: the next try, later and later, for about a quarter of an hour in all. */
export const maxAttempts = 20;
export const retryAfterMs = (attempt: number): number => Math.min(60_000, 500 * 2 ** attempt);
