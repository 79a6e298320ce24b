/** Seconds between two mentions of the same message. */
const QUIET_MS = 30_000;
/** Different messages remembered; beyond it the oldest is forgotten. */
const MOST_MESSAGES = 200;
const MOST_LINE_CHARS = 1024 * 1024;

const shownLevels: ReadonlySet<unknown> = new Set(['warn', 'error', 'fatal']);

interface Seen {
  shownAt: number;
  repeats: number;
}

/**
 * Reads a service's JSON log and passes on warnings and errors, each message at most once in half a minute with a count of
 * what was left out. Anything that is not JSON (a crash before the logger exists) is passed on as it is.
 */
export class LogDigest {
  readonly #service: string;
  readonly #show: (line: string) => void;
  readonly #now: () => number;
  readonly #seen = new Map<string, Seen>();
  #rest = '';

  constructor(service: string, show: (line: string) => void, now: () => number = () => performance.now()) {
    this.#service = service;
    this.#show = show;
    this.#now = now;
  }

  push(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('utf8')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-MOST_LINE_CHARS);
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line.trim() === '') return;
    const entry = parse(line);
    if (entry === undefined) this.#mention(line.slice(0, 300));
    else if (shownLevels.has(entry.level)) this.#mention(`${entry.level}: ${describe(entry)}`);
  }

  #mention(text: string): void {
    const now = this.#now();
    const seen = this.#seen.get(text);
    if (seen !== undefined && now - seen.shownAt < QUIET_MS) {
      seen.repeats += 1;
      return;
    }
    const more = seen !== undefined && seen.repeats > 0 ? ` (${seen.repeats} more since)` : '';
    this.#seen.delete(text);
    this.#seen.set(text, { shownAt: now, repeats: 0 });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MOST_MESSAGES && oldest !== undefined) this.#seen.delete(oldest);
    this.#show(`${this.#service}: ${text}${more}`);
  }
}

interface Entry {
  level?: unknown;
  msg?: unknown;
  err?: { message?: unknown };
}

function parse(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function describe({ msg, err }: Entry): string {
  const cause = typeof err?.message === 'string' && err.message !== msg ? `: ${err.message}` : '';
  return `${String(msg ?? '').slice(0, 200)}${cause.slice(0, 200)}`;
}
