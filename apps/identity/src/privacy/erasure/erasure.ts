/** One erasure of a person, as its row holds it: ids and counts, nothing of the person. */
export interface Erasure {
  readonly erasureId: string;
  readonly userId: string;
  readonly homeTenantId: string;
  readonly askedBy: { readonly type: string; readonly id: string; readonly tenantId: string };
  readonly correlationId: string;
  readonly decisionId?: string;
  readonly status: 'waiting' | 'running' | 'done' | 'cancelled' | 'refused';
  readonly progress: { readonly done: number; readonly total: number; readonly phase: string };
  /** How often a replica has begun it. Every step may be done again. */
  readonly attempt: number;
  readonly problem?: string;
  /** What was destroyed, counted by kind. */
  readonly destroyed: Readonly<Record<string, number>>;
  /** The event `user.erased`, once it is there. */
  readonly eventId?: string;
  readonly requestedAt: Date;
  readonly dueAt: Date;
  readonly completedAt?: Date;
}

export const erasureStream = (erasureId: string): string => `erasure:${erasureId}`;

/** Adds up what steps have counted; kinds of which there was nothing are left out. */
export function addCounts(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...one };
  for (const [kind, count] of Object.entries(other)) if (count > 0) sum[kind] = (sum[kind] ?? 0) + count;
  return sum;
}

/** After this many failures somebody must look; between two of them the job waits longer and longer. */
export const maxAttempts = 100;
export const retryAfterMs = (attempt: number): number => Math.min(300_000, 500 * 2 ** Math.min(attempt, 12));
