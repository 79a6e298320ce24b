import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

const MOST_BYTES = 20 * 1024 * 1024;

/** A log file that is moved to `<file>.1` (replacing the one there) when it would pass its bound, 20 MiB. */
export class BoundedLog {
  readonly #file: string;
  readonly #mostBytes: number;
  #fd: number;
  #size: number;
  #closed = false;

  constructor(file: string, mostBytes = MOST_BYTES) {
    this.#file = file;
    this.#mostBytes = mostBytes;
    this.#fd = openSync(file, 'a', 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  /** After `close` nothing is written: the last words of a process that had to be killed may come late. */
  write(chunk: Uint8Array): void {
    if (this.#closed) return;
    if (this.#size + chunk.byteLength > this.#mostBytes && this.#size > 0) this.#rotate();
    this.#size += writeSync(this.#fd, chunk);
  }

  close(): void {
    if (!this.#closed) closeSync(this.#fd);
    this.#closed = true;
  }

  #rotate(): void {
    closeSync(this.#fd);
    renameSync(this.#file, `${this.#file}.1`);
    this.#fd = openSync(this.#file, 'a', 0o600);
    this.#size = 0;
  }
}
