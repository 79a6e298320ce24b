import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** As syslog counts: 3 error, 4 warning, 6 information. */
export interface LogRecord {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly unit: string;
  readonly priority: number;
  readonly text: string;
}

export const runtimeUnit = 'gatehouse-runtime';
/** Then the file becomes `<name>.1`, in the place of the one before. */
const maxFileBytes = 8 * 1024 * 1024;
const maxTextLength = 4_096;

/** The runtime's own log: a file of one JSON text per line, what follows it in this process, and the terminal or the journal. */
export class RuntimeLog {
  readonly #followers = new Set<(record: LogRecord) => void>();
  #bytes: number | undefined;

  constructor(
    readonly path: string,
    private readonly say: (text: string) => void,
    private readonly now: () => number = Date.now,
  ) {}

  write(priority: number, text: string): void {
    const record = { at: this.now(), unit: runtimeUnit, priority, text: text.slice(0, maxTextLength) };
    // systemd reads the number in front.
    this.say(process.env.JOURNAL_STREAM ? `<${priority}>${record.text}\n` : `${record.text}\n`);
    this.#append(`${JSON.stringify(record)}\n`);
    for (const follower of this.#followers) follower(record);
  }

  /** Calls `take` for each record from now on, until the returned function is called. */
  follow(take: (record: LogRecord) => void): () => void {
    this.#followers.add(take);
    return () => this.#followers.delete(take);
  }

  /** What is on the disk, oldest first; what cannot be read as a record is left out. */
  records(): LogRecord[] {
    const texts = [`${this.path}.1`, this.path].map((path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return '';
      }
    });
    return texts.join('').split('\n').flatMap(parseRecord);
  }

  #append(line: string): void {
    try {
      if (this.#bytes === undefined) mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      this.#bytes ??= statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
      if (this.#bytes + line.length > maxFileBytes) {
        renameSync(this.path, `${this.path}.1`);
        this.#bytes = 0;
      }
      appendFileSync(this.path, line, { mode: 0o600 });
      this.#bytes += line.length;
    } catch {
      // A full disk must not end sessions; terminal and journal have it.
    }
  }
}

function parseRecord(line: string): LogRecord[] {
  try {
    const { at, unit, priority, text } = JSON.parse(line) as LogRecord;
    return [{ at: Number(at), unit: String(unit), priority: Number(priority), text: String(text) }];
  } catch {
    return [];
  }
}
