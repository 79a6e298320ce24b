import { StoreUnavailable } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { readAsTenant } from '@gatehouse/service';
import type { DataSource } from 'typeorm';
import { contentOf, type VersionContent } from './version-text.js';

/** The text of a version of this tenant. @throws ProblemError `not_found` */
export async function readVersionText(source: DataSource, tenantId: string, digest: string): Promise<string> {
  const rows = await readAsTenant(source, tenantId, (manager) =>
    manager.query<{ text: string }[]>('select text from policy.policy_texts where tenant_id = $1 and digest = $2', [
      tenantId,
      digest,
    ]),
  );
  const text = rows[0]?.text;
  if (text === undefined) throw new ProblemError('not_found', 'There is no such version');
  return text;
}

/** What a digest names; null: the built-in roles alone. */
export async function readVersion(
  source: DataSource,
  tenantId: string,
  digest: string | null,
): Promise<VersionContent> {
  if (digest === null) return { document: {}, actions: [], tests: [] };
  const text = await readVersionText(source, tenantId, digest);
  try {
    return contentOf(text);
  } catch (cause) {
    throw new StoreUnavailable('the stored text cannot be read', { cause });
  }
}
