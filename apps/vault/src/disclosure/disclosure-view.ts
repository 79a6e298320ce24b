import { z } from 'zod';
import type { DisclosureRow } from './disclosure.entity.js';

export const disclosureView = z.object({
  decisionId: z.string(),
  path: z.string(),
  /** 0 where there was no such version. */
  version: z.int(),
  subject: z.object({ type: z.string(), id: z.string() }),
  /** The key, token or sign-in that was used. */
  credential: z.string().nullable(),
  decision: z.enum(['allowed', 'denied']),
  reason: z.string(),
  occurredAt: z.iso.datetime(),
  summary: z.string(),
});

/** One row as it is shown, with the sentence that the ledger's page shows. */
export function toDisclosureView(row: DisclosureRow): z.output<typeof disclosureView> {
  const { decisionId, path, version, subjectType, subjectId, credential, allowed, reason, occurredAt } = row;
  const decision = allowed ? 'allowed' : 'denied';
  return {
    decisionId,
    path,
    version,
    subject: { type: subjectType, id: subjectId },
    credential,
    decision,
    reason,
    occurredAt: occurredAt.toISOString(),
    summary: `Actor ${subjectId} touched ${path} and the decision was ${decision}.`,
  };
}
