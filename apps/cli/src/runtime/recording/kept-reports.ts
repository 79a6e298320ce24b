import { readFileSync, rmSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { type SessionReport, sessionReport } from '@gatehouse/session';
import { z } from 'zod';

/** Most reports are taken before they are written. */
const delayMs = 200;

/**
 * What is still to be told of sessions, in a file: the next runtime tells it. One that is killed loses what it did in the last
 * moment; a file that cannot be written costs a later runtime what it held, and nothing now.
 */
export class KeptReports {
  #timer: NodeJS.Timeout | undefined;
  #waiting: readonly SessionReport[] = [];
  #isThere = true;
  #writing = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly onError: (error: Error) => void,
  ) {}

  /** What an earlier runtime left; none of a file that is no such. */
  read(): readonly SessionReport[] {
    try {
      this.#waiting = z.array(sessionReport).parse(JSON.parse(readFileSync(this.path, 'utf8')));
      return this.#waiting;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') rmSync(this.path, { force: true });
      return [];
    }
  }

  readonly changed = (waiting: readonly SessionReport[]): void => {
    this.#waiting = waiting;
    this.#timer ??= setTimeout(() => void this.flush(), delayMs).unref();
  };

  /** Writes what is to be written; never throws. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write()).catch(this.onError);
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (this.#waiting.length === 0) {
      if (this.#isThere) await rm(this.path, { force: true });
      this.#isThere = false;
      return;
    }
    this.#isThere = true;
    const draft = `${this.path}.new`;
    await writeFile(draft, JSON.stringify(this.#waiting), { mode: 0o600 });
    await rename(draft, this.path);
  }
}
