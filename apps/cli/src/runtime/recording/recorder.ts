import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import type { SessionReport } from '@gatehouse/session';
import type { RecordingFolder, RecordingProgress } from './recording-folder.js';

/** A chunk is closed, hashed and told at this size, or after this time. */
const chunkBytes = 64 * 1024;
const chunkMs = 5_000;
/** So much may wait for the disk before the program is stopped. */
const highWaterBytes = 1024 * 1024;

export interface RecordingToStart {
  readonly sessionId: string;
  readonly rows: number;
  readonly columns: number;
  readonly report: (event: SessionReport['event']) => void;
  /** It cannot be written any more, and was told as truncated. */
  readonly onFailure: (reason: string) => void;
}

/** What happens on a terminal is told to this, as it happens. */
export interface Tap {
  /** A promise: wait for it before going on. */
  output(chunk: Uint8Array): Promise<void> | undefined;
  resized(rows: number, columns: number): void;
  /** Writes what is left and tells of the end. */
  close(): Promise<void>;
}

/**
 * An asciicast (version 2) of what a terminal shows; what is typed is in it only as far as it was echoed, so no password is.
 * The hash of each chunk of the file is told as soon as the chunk is on the disk: of a device that is destroyed the chunks
 * that were told remain provable.
 */
export function startRecording(folder: RecordingFolder, wanted: RecordingToStart): Tap {
  const running = active.get(folder)?.get(wanted.sessionId);
  if (running?.join(wanted)) return running;
  const recorder = new Recorder(folder, wanted, () => active.get(folder)?.delete(wanted.sessionId));
  if (!active.has(folder)) active.set(folder, new Map());
  active.get(folder)?.set(wanted.sessionId, recorder);
  return recorder;
}

/** Programs that run at once in one session, as ssh has them, share one recording. */
const active = new WeakMap<RecordingFolder, Map<string, Recorder>>();

class Recorder implements Tap {
  readonly #progress: RecordingProgress;
  readonly #decoder = new StringDecoder('utf8');
  readonly #timer: NodeJS.Timeout;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #work: Promise<void>;
  #users = 1;
  readonly #failures: RecordingToStart['onFailure'][];
  #file: FileHandle | undefined;
  #isBroken = false;
  #isClosed = false;

  constructor(
    private readonly folder: RecordingFolder,
    private readonly wanted: RecordingToStart,
    private readonly done: () => void,
  ) {
    this.#failures = [wanted.onFailure];
    this.#progress = folder.progressOf(wanted.sessionId);
    const isFirst = this.#progress.chunks === 0;
    const header = {
      version: 2,
      width: wanted.columns,
      height: wanted.rows,
      timestamp: Math.floor(Date.now() / 1_000),
    };
    if (isFirst) this.#put(header);
    else this.resized(wanted.rows, wanted.columns);
    this.#work = this.folder.append(wanted.sessionId).then((file) => {
      this.#file = file;
    }, this.#broke);
    this.#timer = setInterval(() => this.#flush(), chunkMs);
    this.#timer.unref();
  }

  /** False: it is over already. */
  join(wanted: RecordingToStart): boolean {
    if (this.#isClosed || this.#isBroken) return false;
    this.#users += 1;
    this.#failures.push(wanted.onFailure);
    return true;
  }

  output(chunk: Uint8Array): Promise<void> | undefined {
    this.#event('o', this.#decoder.write(Buffer.from(chunk)));
    if (this.#waitingBytes >= chunkBytes) this.#flush();
    return this.#waitingBytes > highWaterBytes || this.#queuedBytes > highWaterBytes ? this.#work : undefined;
  }

  resized(rows: number, columns: number): void {
    this.#event('r', `${columns}x${rows}`);
  }

  async close(): Promise<void> {
    this.#users -= 1;
    if (this.#isClosed || this.#users > 0) return this.#work;
    this.#isClosed = true;
    this.done();
    clearInterval(this.#timer);
    this.#event('o', this.#decoder.end());
    this.#flush();
    await this.#work;
    await this.#file?.close().catch(() => undefined);
    if (!this.#isBroken)
      this.wanted.report({ kind: 'recording_closed', chunks: this.#progress.chunks, truncated: false });
  }

  #event(code: 'o' | 'r', text: string): void {
    if (text === '') return;
    const seconds = (performance.now() - this.#progress.startedAtMs) / 1_000;
    this.#put([Number(seconds.toFixed(6)), code, text]);
  }

  #put(value: unknown): void {
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
  }

  #queuedBytes = 0;

  #flush(): void {
    if (this.#waitingBytes === 0 || this.#isBroken) return;
    const chunk = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#queuedBytes += chunk.length;
    this.#work = this.#work.then(() => this.#write(chunk)).catch(this.#broke);
  }

  async #write(chunk: Buffer): Promise<void> {
    this.#queuedBytes -= chunk.length;
    if (this.#isBroken || this.#file === undefined) return;
    await this.#file.writeFile(chunk);
    // Told is what survives a power cut.
    await this.#file.datasync();
    const sha256 = createHash('sha256').update(chunk).digest('hex');
    this.wanted.report({ kind: 'recording_chunk', index: this.#progress.chunks, bytes: chunk.length, sha256 });
    this.#progress.chunks += 1;
  }

  readonly #broke = (error: NodeJS.ErrnoException): void => {
    if (this.#isBroken) return;
    this.#isBroken = true;
    clearInterval(this.#timer);
    this.wanted.report({ kind: 'recording_closed', chunks: this.#progress.chunks, truncated: true });
    this.done();
    for (const tell of this.#failures) tell(error.code ?? error.message);
  };
}
