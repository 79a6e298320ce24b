import { keyPrincipal } from '@gatehouse/contracts';
import { z } from 'zod';
import type { Key } from './key.js';
import type { KeyRow } from './key-list/key-list.entity.js';

/** A key as the API shows it: never the key itself, never its fingerprint. */
export const keyView = z.object({
  keyId: z.uuid(),
  family: z.enum(['mas', 'mau']),
  name: z.string(),
  displayPrefix: z.string(),
  principal: keyPrincipal,
  roles: z.array(z.string()),
  enabled: z.boolean(),
  reason: z.string().optional(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().optional(),
  networks: z.array(z.string()).optional(),
  /** Action patterns the key is limited to; absent: no limit. */
  scopes: z.array(z.string()).optional(),
  imported: z.boolean().optional(),
  rotatedAt: z.iso.datetime().optional(),
  /** Until when the text before the last rotation works. */
  previousValidUntil: z.iso.datetime().optional(),
  /** A few seconds behind. */
  lastUsedAt: z.iso.datetime().optional(),
  /** For `If-Match`. */
  revision: z.int(),
});
export type KeyView = z.output<typeof keyView>;

export function viewOfKey(key: Exclude<Key, { status: 'none' }>, revision: number): KeyView {
  const { status, roles, networks, scopes, ...facts } = key;
  const lists = {
    roles: [...roles],
    ...(networks && { networks: [...networks] }),
    ...(scopes && { scopes: [...scopes] }),
  };
  return { ...facts, ...lists, enabled: status === 'enabled', revision };
}

export const viewOfRow = (row: KeyRow, lastUsedAt?: Date): KeyView => ({
  keyId: row.keyId,
  family: row.family,
  name: row.name,
  displayPrefix: row.displayPrefix,
  principal: { type: row.principalType, id: row.principalId },
  roles: row.roles,
  enabled: row.enabled,
  ...(row.reason !== null && { reason: row.reason }),
  createdAt: row.createdAt.toISOString(),
  ...(row.expiresAt && { expiresAt: row.expiresAt.toISOString() }),
  ...(row.networks && { networks: row.networks }),
  ...(row.scopes && { scopes: row.scopes }),
  ...(row.imported && { imported: true }),
  ...(row.rotatedAt && { rotatedAt: row.rotatedAt.toISOString() }),
  ...(row.previousUntil && { previousValidUntil: row.previousUntil.toISOString() }),
  ...(lastUsedAt && { lastUsedAt: lastUsedAt.toISOString() }),
  revision: row.revision,
});
