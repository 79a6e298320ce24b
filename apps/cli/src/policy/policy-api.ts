import type { PolicyDocument } from '@gatehouse/evaluator';
import type { Client } from '../client.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import type { Reference } from '../reference.js';

export const policyPath = '/api/v1/policy';

export interface Version {
  readonly digest: string;
  readonly title: string;
  readonly bytes: number;
  readonly draftedBy: Reference;
  readonly draftedAt: string;
  readonly activatedAt: string | null;
}

export interface FullVersion extends Version {
  readonly document: PolicyDocument;
}

export interface Active {
  /** Null: the built-in roles alone. */
  readonly digest: string | null;
  readonly mode: 'strict' | 'audit_only';
  readonly fourEyes: boolean;
}

/** What came of a wish to change what decides. */
export interface Outcome {
  readonly status: 'activated' | 'changed' | 'awaiting_approval' | 'rejected';
  readonly requestId?: string;
}

export const readActive = (client: Client): Promise<Active> => client.get<Active>(`${policyPath}/active`);

const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** A version by its digest, or by the beginning of it. @throws Failure if it means none or several */
export async function findVersion(client: Client, text: string): Promise<string> {
  if (digestPattern.test(text)) return text;
  if (!/^(sha256:)?[0-9a-f]{6,64}$/.test(text))
    throw usageFailure(`"${text}" is no digest: sha256: and 64 digits, or the first six of them or more`);
  const begin = text.startsWith('sha256:') ? text : `sha256:${text}`;
  const found = (await listVersions(client)).versions.filter(({ digest }) => digest.startsWith(begin));
  const [version] = found;
  if (!version) throw new Failure(exitCodes.negative, `there is no version ${text}`, 'gatehouse policy versions');
  if (found.length > 1) throw usageFailure(`${text} means ${found.length} versions: give more of the digest`);
  return version.digest;
}

export async function listVersions(client: Client): Promise<{ active: string | null; versions: readonly Version[] }> {
  const versions: Version[] = [];
  let active: string | null = null;
  let cursor: string | undefined;
  do {
    type Page = { active: string | null; versions: Version[]; nextCursor: string | null };
    const page: Page = await client.get<Page>(`${policyPath}/versions`, { limit: 200, cursor });
    versions.push(...page.versions);
    active = page.active;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return { active, versions };
}

/** Of a digest what people compare by. */
export const shortDigest = (digest: string | null): string =>
  digest === null ? 'built-in roles' : digest.slice(0, 19);
