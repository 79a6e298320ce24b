import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readSecretBytes, secretPath } from './secret-file.js';

export interface SecretChange {
  readonly name: string;
  /** The exact bytes now in the file. */
  readonly bytes: Buffer;
}

export interface WatchOptions {
  /** Told when a file can't be read or the directory can't be watched; watching goes on. */
  readonly onError?: (error: Error, name?: string) => void;
  /** The directory is also looked at this often: not every file system tells of changes. Milliseconds. */
  readonly pollMs?: number;
}

export interface SecretWatch {
  close(): void;
}

/**
 * Calls `onChange` with each secret whose mounted file gets another content: replaced by a rename, through a link, or
 * written in place. What is there at the start is the state to compare with, and is not told. A file that goes away is an
 * error, and its next content a change if it is another one.
 *
 * @example
 * const watching = watchSecrets('/run/secrets', ['DB_PASSWORD'], ({ bytes }) => pool.setPassword(bytes.toString()));
 */
export function watchSecrets(
  directory: string,
  names: readonly string[],
  onChange: (change: SecretChange) => void,
  { onError = () => undefined, pollMs = 30_000 }: WatchOptions = {},
): SecretWatch {
  for (const name of names) secretPath(directory, name);
  const known = new Map<string, string>();
  const failed = new Set<string>();
  const look = (name: string, isFirst: boolean) => {
    try {
      const bytes = readSecretBytes(directory, name);
      const digest = createHash('sha256').update(bytes).digest('hex');
      failed.delete(name);
      if (known.get(name) === digest) return;
      const isNew = !isFirst || known.has(name);
      known.set(name, digest);
      if (isNew) onChange({ name, bytes });
    } catch (error) {
      // Once for each time it goes away, not on every look.
      if (!failed.has(name)) onError(error as Error, name);
      failed.add(name);
    }
  };
  const lookAtAll = () => {
    for (const name of names) look(name, false);
  };
  // Watched before the first look: a change in between is then seen twice, not never.
  const watching = new DirectoryWatch(directory, lookAtAll, onError);
  for (const name of names) look(name, true);
  const timer = setInterval(() => {
    watching.renew();
    lookAtAll();
  }, pollMs);
  timer.unref();
  return {
    close: () => {
      clearInterval(timer);
      watching.close();
    },
  };
}

/** Watches the directory, not the files: a rename puts another file in the place of the one that was watched. */
class DirectoryWatch {
  #watcher: FSWatcher | undefined;
  #pending: NodeJS.Immediate | undefined;

  constructor(
    private readonly directory: string,
    private readonly onEvent: () => void,
    private readonly onError: (error: Error) => void,
  ) {
    this.renew();
  }

  /** A directory that went away and came back is another one, which nobody watches; nothing tells of it. */
  renew(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    try {
      const watcher = watch(this.directory, { persistent: false }, () => this.#soon());
      watcher.on('error', (error) => {
        this.close();
        this.onError(error);
      });
      this.#watcher = watcher;
    } catch (error) {
      this.onError(error as Error);
    }
  }

  close(): void {
    clearImmediate(this.#pending);
    this.#pending = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** A rename is several events: one look is enough. */
  #soon(): void {
    this.#pending ??= setImmediate(() => {
      this.#pending = undefined;
      this.onEvent();
    });
  }
}
