import type { PresentSecret } from './secret.js';
import { type StoredRow, type StoredSecret, verified } from './stored-secret.js';

/** The last event of a stream and the state after it, and what they say. */
export interface Proven {
  readonly envelope: string;
  readonly state: string;
  readonly secret: PresentSecret;
}

export interface ProvenLimits {
  readonly streams: number;
  /** Characters of all texts together. */
  readonly chars: number;
}

const defaults: ProvenLimits = { streams: 4_096, chars: 16_000_000 };

/**
 * What has been proven of the texts of a row stays proven of the same texts: they are read from PostgreSQL each time, and
 * compared with those of last time in place of being parsed and hashed again. Holds no value, and may forget anything at any
 * time; at its bounds the stream that has been known longest goes.
 */
export class ProvenStates {
  readonly #limits: ProvenLimits;
  readonly #byStream = new Map<string, Proven>();
  #chars = 0;

  constructor(limits: Partial<ProvenLimits> = {}) {
    this.#limits = { ...defaults, ...limits };
  }

  get size(): number {
    return this.#byStream.size;
  }

  /** As {@link verified}. @throws IntegrityViolation */
  verified(row: StoredRow, path: string): StoredSecret {
    const known = this.#byStream.get(row.stream_id);
    if (known && isSame(known, row, path))
      return { secret: known.secret, revision: row.revision ?? 0, customMetadata: row.custom_metadata };
    const stored = verified(row, path);
    if (stored.secret.status === 'present' && row.envelope !== null && row.state !== null)
      this.learn(row.stream_id, { envelope: row.envelope, state: row.state, secret: stored.secret });
    else this.forget(row.stream_id);
    return stored;
  }

  /** What this process itself has made of a stream, and seen committed. */
  learn(streamId: string, proven: Proven): void {
    const chars = charsOf(proven);
    if (chars * 16 > this.#limits.chars) {
      this.forget(streamId);
      return;
    }
    const before = this.#byStream.get(streamId);
    this.#chars += chars - (before ? charsOf(before) : 0);
    // In its place: a Map that is deleted from with each write keeps what it had held until a full collection.
    this.#byStream.set(streamId, proven);
    while (this.#chars > this.#limits.chars || this.#byStream.size > this.#limits.streams)
      this.forget(this.#byStream.keys().next().value as string);
  }

  forget(streamId: string): void {
    const known = this.#byStream.get(streamId);
    if (!known) return;
    this.#chars -= charsOf(known);
    this.#byStream.delete(streamId);
  }

  /** The secret as it was when it was last looked at: another replica may have changed it since. */
  lastSeen(streamId: string): PresentSecret | undefined {
    return this.#byStream.get(streamId)?.secret;
  }
}

const isSame = (known: Proven, { envelope, state, path: stored }: StoredRow, path: string): boolean =>
  envelope === known.envelope && state === known.state && stored === path;

const charsOf = ({ envelope, state }: Proven): number => envelope.length + state.length;
