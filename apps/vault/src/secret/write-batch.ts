import type { WrittenEvent } from '@gatehouse/event-store';
import type { QueryConfig } from 'pg';
import { splitPath } from './path.js';
import type { Secret } from './secret.js';
import type { SealedVersion, SecretChange } from './secret-log.js';

export interface Applied {
  readonly streamId: string;
  readonly path: string;
  readonly commandId: string | undefined;
  /** Unix time in milliseconds. */
  readonly occurredAt: number;
  readonly before: Secret;
  readonly secret: Secret;
  /** Its text, which the last event has the digest of. */
  readonly state: string;
  readonly written: readonly WrittenEvent[];
  readonly change: SecretChange;
  readonly customMetadata: string | null;
}

type Ending = 'pruned' | 'destroyed';

/** What several commands of one tenant leave in the rows, of each secret and version the last word only. */
export class WriteBatch {
  readonly #tenantId: string;
  readonly #events: Row[] = [];
  readonly #gone = new Set<string>();
  readonly #heads = new Map<string, Row>();
  readonly #sealed = new Map<string, Row>();
  readonly #ended = new Map<string, Row>();
  readonly #fingerprints: Row[] = [];

  constructor(tenantId: string) {
    this.#tenantId = tenantId;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  add({
    streamId,
    path,
    commandId,
    occurredAt,
    before,
    secret,
    state,
    written,
    change,
    customMetadata,
  }: Applied): void {
    if (written.length === 0) return;
    written.forEach(({ envelope, text }, i) => {
      // Only the first event of a command carries its id: the unique index is then the idempotency check.
      const command = i === 0 ? (commandId ?? null) : null;
      this.#events.push([envelope.id, streamId, envelope.revision, envelope.type, command, text]);
    });
    if (secret.status === 'absent') {
      this.#forget(streamId);
      return;
    }
    const { scope, name } = splitPath(path);
    const at = new Date(occurredAt).toISOString();
    const { secretId, currentVersion } = secret;
    const reference = name.toLowerCase();
    const row = [streamId, secretId, path, scope, reference, currentVersion, state, customMetadata, at];
    this.#heads.set(streamId, row);
    if (change.sealed) this.#seal(streamId, path, at, change.sealed);
    for (const [version, ending] of endings(before, secret)) this.#end(streamId, version, ending);
  }

  #forget(streamId: string): void {
    this.#gone.add(streamId);
    this.#heads.delete(streamId);
    for (const rows of [this.#sealed, this.#ended])
      for (const [key, [stream]] of rows) if (stream === streamId) rows.delete(key);
  }

  #seal(streamId: string, path: string, at: string, { secretId, version, value, fingerprints }: SealedVersion): void {
    const { ciphertext, wrappedKey, keyVersion } = value;
    const bytes = [ciphertext.toString('base64'), wrappedKey.toString('base64')];
    this.#sealed.set(`${streamId} ${version}`, [streamId, version, secretId, ...bytes, keyVersion, at]);
    for (const one of fingerprints) this.#fingerprints.push([one.toString('base64'), secretId, version, path]);
  }

  #end(streamId: string, version: string, ending: Ending): void {
    const key = `${streamId} ${version}`;
    const sealed = this.#sealed.get(key);
    if (!sealed) this.#ended.set(key, [streamId, Number(version), ending]);
    else if (ending === 'pruned') this.#sealed.delete(key);
    // Destroyed before it was ever stored: its row has no content.
    else this.#sealed.set(key, [...sealed.slice(0, 3), null, null, null, ...sealed.slice(6)]);
  }

  statement(): QueryConfig {
    const columns = [
      ...columnsOf(this.#events, 6),
      ...columnsOf(this.#heads.values(), 9),
      ...columnsOf(this.#ended.values(), 3),
      ...columnsOf(this.#sealed.values(), 7),
      ...columnsOf(this.#fingerprints, 4),
    ];
    return { name: 'store-secrets', text: storeText, values: [this.#tenantId, [...this.#gone], ...columns] };
  }
}

type Row = readonly (string | number | null)[];

// Columns travel as one text each, split by the server. No value holds a raw control character: paths and ids have none,
// and canonical JSON escapes them.
const [separator, absent] = ['\x1e', '\x1d'];

function columnsOf(rows: Iterable<Row>, width: number): readonly string[] {
  const all = [...rows];
  return Array.from({ length: width }, (_, i) => all.map((row) => row[i] ?? absent).join(separator));
}

const storeText = `select store_secret_rows($1, $2, array[$3, $4, $5, $6, $7, $8],
  array[$9, $10, $11, $12, $13, $14, $15, $16, $17], array[$18, $19, $20], array[$21, $22, $23, $24, $25, $26, $27],
  array[$28, $29, $30, $31])`;

/** Versions whose ciphertext goes. */
function endings(before: Secret, after: Secret): readonly (readonly [string, Ending])[] {
  if (before.status === 'absent' || after.status === 'absent') return [];
  return Object.entries(before.versions).flatMap(([version, old]): (readonly [string, Ending])[] => {
    const now = after.versions[version];
    if (!now) return [[version, 'pruned']];
    return now.status === 'destroyed' && old.status !== 'destroyed' ? [[version, 'destroyed']] : [];
  });
}
