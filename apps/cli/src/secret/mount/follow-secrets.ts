import type { Client } from '../../client.js';
import { exitCodes, Failure } from '../../failure.js';
import { RefusedError } from '../../output/problem.js';
import { currentVersion, type NamedSecret, type OpenedSecret, readSecret } from '../read-secrets.js';
import type { Consumer } from './consumer.js';

export interface Following {
  readonly client: Client;
  /** Tells of new versions as they are written; without it the vault is asked every `intervalMs`. */
  readonly consumer?: Consumer | undefined;
  /** Milliseconds between two looks, and before the next try when the vault is away. */
  readonly intervalMs: number;
  /** Puts a new version where readers find it, and tells whoever wants to know. */
  readonly replace: (secret: OpenedSecret) => Promise<void>;
  readonly note: (text: string) => void;
  readonly stopped: AbortSignal;
}

/** Replaces new versions until it is stopped. What can't be asked or read stays as it is, and is told once. */
export async function followSecrets(opened: readonly OpenedSecret[], following: Following): Promise<void> {
  const versions = new Map(opened.map(({ path, version }) => [path, version]));
  const troubles = new Troubles(following.note);
  const { consumer, intervalMs, stopped } = following;
  // What a look failed at is looked at again, whether or not it is told of once more.
  let due = new Set<string>();
  while (consumer ? !stopped.aborted : await paused(intervalMs, stopped)) {
    const told = consumer ? await changedPaths(consumer, troubles, stopped) : opened.map(({ path }) => path);
    due = await lookAt(opened, new Set([...due, ...(told ?? [])]), versions, following, troubles);
    if (consumer && (told === undefined || due.size > 0) && !(await paused(intervalMs, stopped))) return;
  }
}

/** Those at which it failed. */
async function lookAt(
  opened: readonly NamedSecret[],
  due: ReadonlySet<string>,
  versions: Map<string, number>,
  following: Following,
  troubles: Troubles,
): Promise<Set<string>> {
  const failed = new Set<string>();
  for (const secret of opened.filter(({ path }) => due.has(path))) {
    if (following.stopped.aborted) break;
    try {
      await look(secret, versions, following);
      troubles.over(secret.path);
    } catch (error) {
      failed.add(secret.path);
      troubles.tell(secret.path, `${troubleOf(error)}; the file stays as it is`);
    }
  }
  return failed;
}

async function look(secret: NamedSecret, versions: Map<string, number>, following: Following): Promise<void> {
  const { client, replace, consumer } = following;
  if (!consumer && (await knownVersion(client, secret)) === versions.get(secret.path)) return;
  const opened = await readSecret(client, secret);
  if (opened.version === versions.get(secret.path)) return;
  await replace(opened);
  versions.set(secret.path, opened.version);
}

/** Who may read a secret may not be allowed to list it: then only a read tells. */
async function knownVersion(client: Client, secret: NamedSecret): Promise<number | undefined> {
  try {
    return await currentVersion(client, secret);
  } catch (error) {
    if (error instanceof RefusedError && error.status === 403) return undefined;
    throw error;
  }
}

/** Undefined when it could not be asked. */
async function changedPaths(
  consumer: Consumer,
  troubles: Troubles,
  stopped: AbortSignal,
): Promise<readonly string[] | undefined> {
  const subject = 'new versions';
  try {
    const paths = await Promise.race([consumer.changed(), aborted(stopped)]);
    troubles.over(subject);
    return paths;
  } catch (error) {
    troubles.tell(subject, `${troubleOf(error)}; the files stay as they are`);
    return undefined;
  }
}

/** Each is told once, and that it is over. */
class Troubles {
  readonly #told = new Map<string, string>();

  constructor(private readonly note: (text: string) => void) {}

  tell(subject: string, text: string): void {
    if (this.#told.get(subject) === text) return;
    this.#told.set(subject, text);
    this.note(`${subject}: ${text}`);
  }

  over(subject: string): void {
    if (this.#told.delete(subject)) this.note(`${subject}: in order again`);
  }
}

function troubleOf(error: unknown): string {
  if (!(error instanceof Failure)) return (error as Error).message;
  // A trace differs each time, and this is told once.
  const text = error.message.replace(/,? ?trace [0-9a-f]+/, '');
  return error.exitCode === exitCodes.unavailable ? `the vault is away (${text})` : text;
}

const aborted = (signal: AbortSignal): Promise<readonly string[]> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve([]);
    else signal.addEventListener('abort', () => resolve([]), { once: true });
  });

/** False once it is stopped. */
async function paused(ms: number, stopped: AbortSignal): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([elapsed, aborted(stopped)]);
  clearTimeout(timer);
  return !stopped.aborted;
}
