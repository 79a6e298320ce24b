import { canonicalJson, constantTimeEqual } from '@gatehouse/crypto';
import { safeParse } from '@gatehouse/schema';
import { z } from 'zod';
import { leaseIdPattern } from './lease-name.js';

/**
 * What stands in the comment of a role that we made. A vault whose log was set back to an older moment learns from it
 * whose role this is; the code says that it is ours, and of this very role.
 */
export interface Marker {
  readonly leaseId: string;
  readonly database: string;
  readonly role: string;
  /** Unix milliseconds. */
  readonly maxUntil: number;
  readonly holder?: string | undefined;
}

const stored = z.strictObject({
  gatehouse: z.literal('lease/1'),
  lease: z.string().regex(leaseIdPattern),
  database: z.string().max(64),
  role: z.string().max(64),
  maxUntil: z.iso.datetime(),
  holder: z.string().max(32).optional(),
  code: z.string().max(64),
});

const textOf = (username: string, { leaseId, database, role, maxUntil, holder }: Marker) => ({
  gatehouse: 'lease/1' as const,
  lease: leaseId,
  database,
  role,
  maxUntil: new Date(maxUntil).toISOString(),
  ...(holder !== undefined && { holder }),
  username,
});

export const markerInput = (username: string, marker: Marker): string => canonicalJson(textOf(username, marker));

/** The comment for the role `username`. `code` is the HMAC of {@link markerInput}. */
export function writeMarker(username: string, marker: Marker, code: Buffer): string {
  const { username: _name, ...shown } = textOf(username, marker);
  return JSON.stringify({ ...shown, code: code.toString('base64url') });
}

/** The marker of a comment, or undefined where there is none, or not ours. */
export async function readMarker(
  username: string,
  comment: string | null,
  codeOf: (input: string) => Promise<Buffer>,
): Promise<Marker | undefined> {
  const parsed = safeParse(stored, parseJson(comment));
  if (!parsed.success) return undefined;
  const { lease: leaseId, database, role, maxUntil, holder, code } = parsed.data;
  const marker = { leaseId, database, role, maxUntil: Date.parse(maxUntil), holder };
  const expected = await codeOf(markerInput(username, marker));
  return constantTimeEqual(expected.toString('base64url'), code) ? marker : undefined;
}

function parseJson(text: string | null): unknown {
  if (text === null || text.length > 2_000) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
