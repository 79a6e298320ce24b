import { mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

/** How far a session's recording is; a later program of the same session goes on from there. */
export interface RecordingProgress {
  /** Of `performance.now()`. */
  readonly startedAtMs: number;
  chunks: number;
}

/** Sessions whose progress is known; those before have ended long ago. */
const maxKnown = 10_000;

/** Where recordings lie: one file per session, for the runtime's account alone. */
export class RecordingFolder {
  readonly #known = new Map<string, RecordingProgress>();

  constructor(readonly path: string) {}

  progressOf(sessionId: string): RecordingProgress {
    const known = this.#known.get(sessionId) ?? { startedAtMs: performance.now(), chunks: 0 };
    this.#known.set(sessionId, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxKnown && oldest !== undefined) this.#known.delete(oldest);
    return known;
  }

  /** Adds to what an earlier program of the same session left. */
  append(sessionId: string): Promise<FileHandle> {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    return open(this.#file(sessionId), 'a', 0o600);
  }

  read(sessionId: string): Promise<FileHandle> {
    return open(this.#file(sessionId), 'r');
  }

  /** Ids are UUIDs, checked where they came in. */
  #file(sessionId: string): string {
    return join(this.path, `${sessionId}.cast`);
  }
}
