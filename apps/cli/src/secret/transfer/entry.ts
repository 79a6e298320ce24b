import { usageFailure } from '../../failure.js';
import type { SecretData } from '../secret-input.js';

/** A secret as it stands in a file to import. Paths and names may be told, data never. */
export interface ImportEntry {
  /** Below the prefix that the caller gives. */
  readonly path: string;
  readonly data: SecretData;
  readonly customMetadata?: Readonly<Record<string, string>>;
}

/** A file that is not imported. The text names places, not contents. */
export const wrongFile = (what: string): Error => usageFailure(`nothing is imported: ${what}`);

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws Failure when a path comes twice: which one was meant is not for us to guess */
export function eachPathOnce(entries: readonly ImportEntry[]): readonly ImportEntry[] {
  const seen = new Set<string>();
  for (const { path } of entries) {
    if (seen.has(path)) throw wrongFile(`${path} is in the file more than once`);
    seen.add(path);
  }
  if (entries.length === 0) throw wrongFile('there is no secret in the file');
  return entries;
}
