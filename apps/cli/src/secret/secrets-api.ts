import { randomUUID } from 'node:crypto';
import type { Client, Query } from '../client.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import type { Output } from '../output/output.js';
import { type Problem, type RefusedError, refusal } from '../output/problem.js';
import type { Reference } from '../reference.js';
import type { SecretData } from './secret-input.js';

const root = '/api/v1/vault';

/** One version, without its content. */
export interface VersionSummary {
  readonly createdAt: string;
  readonly createdBy: Reference;
  readonly deletedAt: string | null;
  readonly destroyed: boolean;
  readonly expiresAt: string | null;
}

export interface WrittenVersion extends VersionSummary {
  readonly path: string;
  readonly version: number;
  readonly reference?: string | null;
  readonly warnings?: readonly string[];
}

export interface ReadVersion extends WrittenVersion {
  readonly data: SecretData;
  readonly customMetadata?: Readonly<Record<string, string>> | null;
}

export interface WriteRequest {
  readonly data: SecretData;
  /** The version that the writer has seen; 0: none. */
  readonly cas?: number | undefined;
  readonly expiresAt?: string | undefined;
  readonly customMetadata?: Readonly<Record<string, string>> | undefined;
}

export interface MetadataChange {
  /** Null removes a text. */
  readonly customMetadata?: Readonly<Record<string, string | null>>;
  readonly maxVersions?: number;
  readonly casRequired?: boolean;
  readonly deleteVersionAfterSeconds?: number;
}

export type VersionChange = 'delete' | 'undelete' | 'destroy';

export interface SecretMetadata {
  readonly path: string;
  readonly currentVersion: number;
  readonly oldestVersion: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly deleteVersionAfterSeconds: number;
  readonly customMetadata: Readonly<Record<string, string>> | null;
  readonly reference?: string | null;
  readonly versions: Readonly<Record<string, VersionSummary>>;
}

/**
 * The address of a secret: each segment escaped, so that no path leads to another route.
 *
 * @throws Failure for segments that an address would swallow
 */
export function secretUrl(path: string, area: 'secrets' | 'metadata' | 'undelete' | 'destroy' = 'secrets'): string {
  return `${root}/${area}/${segmentsOf(path).map(encodeURIComponent).join('/')}`;
}

function segmentsOf(path: string): readonly string[] {
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    throw usageFailure('a path of secrets has no empty segment, and none of dots');
  return segments;
}

export const readVersion = (client: Client, path: string, version?: number): Promise<ReadVersion> =>
  client.get<ReadVersion>(secretUrl(path), { version });

export const writeSecret = (client: Client, path: string, request: WriteRequest): Promise<WrittenVersion> =>
  client.post<WrittenVersion>(secretUrl(path), request, { 'idempotency-key': randomUUID() });

/** Secrets that the vault takes in one request, and bytes of it. */
export const manyAtOnce = { secrets: 64, bytes: 1_000_000 } as const;

/** The current version of each, or why not, in the order of the paths. @throws Failure where all of it was refused */
export async function readVersions(
  client: Client,
  paths: readonly string[],
): Promise<readonly (ReadVersion | RefusedError)[]> {
  for (const path of paths) segmentsOf(path);
  const secrets = paths.map((path) => ({ path }));
  return resultsOf(await client.post<Results<ReadVersion>>(`${root}/read`, { secrets }), paths.length);
}

/** Each by itself: what is refused says so beside what was written. The same key again makes no second version of any. */
export async function writeVersions(
  client: Client,
  secrets: readonly (WriteRequest & { readonly path: string })[],
  idempotencyKey: string,
): Promise<readonly (WrittenVersion | RefusedError)[]> {
  const headers = { 'idempotency-key': idempotencyKey };
  const answer = await client.post<Results<WrittenVersion>>(`${root}/write`, { secrets }, headers);
  return resultsOf(answer, secrets.length);
}

interface Results<T> {
  readonly results: readonly ((T & { readonly ok: true }) | { readonly ok: false; readonly error: RefusedPart })[];
}

interface RefusedPart extends Problem {
  readonly status: number;
}

function resultsOf<T>({ results }: Results<T>, asked: number): readonly (T | RefusedError)[] {
  if (results?.length !== asked) throw new Failure(exitCodes.unavailable, 'the vault did not answer for each secret');
  return results.map((result) => (result.ok ? result : refusal(result.error.status, result.error)));
}

export const patchSecret = (
  client: Client,
  path: string,
  request: Pick<WriteRequest, 'data' | 'cas'>,
): Promise<WrittenVersion> => client.patch<WrittenVersion>(secretUrl(path), request);

export const metadataOf = (client: Client, path: string): Promise<SecretMetadata> =>
  client.get<SecretMetadata>(secretUrl(path, 'metadata'));

export const patchMetadata = (client: Client, path: string, change: MetadataChange): Promise<SecretMetadata> =>
  client.patch<SecretMetadata>(secretUrl(path, 'metadata'), change);

export const forgetSecret = (client: Client, path: string): Promise<void> => client.delete(secretUrl(path, 'metadata'));

export function changeVersions(
  client: Client,
  path: string,
  change: VersionChange,
  versions: readonly number[] | undefined,
): Promise<SecretMetadata> {
  if (change !== 'delete') return client.post<SecretMetadata>(secretUrl(path, change), { versions });
  return client.delete<SecretMetadata>(`${secretUrl(path)}${versions ? `?versions=${versions.join(',')}` : ''}`);
}

export async function listAll(client: Client, prefix: string, recursive: boolean): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const query: Query = { prefix, limit: 1_000, cursor, ...(recursive && { recursive: 'true' }) };
    const page = await client.get<{ keys: string[]; nextCursor: string | null }>(`${root}/secrets`, query);
    keys.push(...page.keys);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return keys;
}

/** `1,3-5` @returns undefined for any other text */
export function parseVersions(text: string): number[] | undefined {
  const parts = text.split(',').map((part) => /^([1-9]\d{0,8})(?:-([1-9]\d{0,8}))?$/.exec(part.trim()));
  const numbers = new Set<number>();
  for (const part of parts) {
    const from = Number(part?.[1]);
    const to = Number(part?.[2] ?? part?.[1]);
    if (!part || to < from || to - from >= 1_000) return undefined;
    for (let version = from; version <= to; version++) numbers.add(version);
  }
  return [...numbers].sort((a, b) => a - b);
}

export function stateOf({ destroyed, deletedAt }: VersionSummary): string {
  if (destroyed) return 'destroyed';
  return deletedAt === null ? 'live' : 'deleted';
}

export function versionRows({ versions }: SecretMetadata, output: Output): string[][] {
  return Object.entries(versions)
    .sort(([a], [b]) => Number(b) - Number(a))
    .map(([number, version]) => [
      number,
      stateOf(version),
      output.time(version.createdAt),
      `${version.createdBy.type}/${version.createdBy.id}`,
      output.time(version.deletedAt ?? undefined),
      output.time(version.expiresAt ?? undefined),
    ]);
}
