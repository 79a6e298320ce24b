import type { Envelope } from '@gatehouse/contracts';
import { fold } from '@gatehouse/event-store';
import { sealedOf, type VersionRow } from '../opened-version.js';
import { splitPath } from '../path.js';
import { type Secret, secretDecider, stateText } from '../secret.js';
import { type Finding, IntegrityViolation } from '../stored-secret.js';

/** The row of a secret, as PostgreSQL has it. */
export interface HeadRow {
  readonly secret_id: string;
  readonly path: string;
  readonly scope: string;
  readonly reference_name: string;
  readonly current_version: number;
  readonly state: string;
}

export interface SecretRows {
  readonly streamId: string;
  readonly events: readonly Envelope[];
  readonly head: HeadRow | undefined;
  readonly versions: readonly (VersionRow & { readonly version: number })[];
  /** The stream that a path has. */
  readonly streamOf: (path: string) => string;
}

export interface Fault {
  /** 0: of the whole secret. */
  readonly version: number;
  readonly finding: Finding;
}

/** Compares the rows of one secret with its events, all of them folded again. */
export function checkSecret({ streamId, events, head, versions, streamOf }: SecretRows): readonly Fault[] {
  const secret = fold(secretDecider, events);
  const faults: Fault[] = headFaults(secret, head).map((finding) => ({ version: 0, finding }));
  if (head && streamOf(head.path) !== streamId) faults.push({ version: 0, finding: 'path_changed' });
  const states = secret.status === 'present' ? secret.versions : {};
  const secretId = secret.status === 'present' ? secret.secretId : undefined;
  const rows = new Map(versions.map((row) => [row.version, row]));
  for (const version of new Set([...rows.keys(), ...Object.keys(states).map(Number)])) {
    const finding = findingOf(() => sealedOf(rows.get(version) ?? noRow, secretId, version, states[version]));
    if (finding) faults.push({ version, finding });
  }
  return faults;
}

const noRow: VersionRow = { version: null, secret_id: null, ciphertext: null, wrapped_key: null, key_version: null };

function headFaults(secret: Secret, head: HeadRow | undefined): Finding[] {
  if (secret.status === 'absent') return head ? ['state_without_log'] : [];
  if (!head) return ['state_missing'];
  const { scope, name } = splitPath(head.path);
  const isNamed = head.scope === scope && head.reference_name === name.toLowerCase();
  const isIndexed = head.secret_id === secret.secretId && head.current_version === secret.currentVersion;
  const faults: Finding[] = [];
  if (head.state !== stateText(secret) || !isIndexed) faults.push('state_changed');
  if (!isNamed) faults.push('path_changed');
  return faults;
}

function findingOf(work: () => unknown): Finding | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof IntegrityViolation) return error.finding;
    throw error;
  }
}
