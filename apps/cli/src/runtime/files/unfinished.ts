import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** For so long an upload that broke off can be resumed. */
const keptMs = 7 * 24 * 3_600_000;
const partialName = /^\.gatehouse-[0-9a-f]{32}\.part$/;

/**
 * Where uploads that are not done lie, one note each, so that those which nobody goes on with are removed. A note that is lost
 * costs a file that stays; nothing else is ever removed by one.
 */
export class Unfinished {
  constructor(private readonly folder: string) {}

  /** @param path absolute, of the partial file */
  async began(path: string): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await writeFile(this.#note(path), path, { mode: 0o600 });
  }

  async over(path: string): Promise<void> {
    await rm(this.#note(path), { force: true });
  }

  /** Removes what nobody has written to for a week. @returns how many files */
  async sweep(nowMs: number): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.folder).catch(() => [])) {
      const note = join(this.folder, name);
      const path = await readFile(note, 'utf8').catch(() => '');
      const state = await stateOf(path, nowMs);
      if (state === 'young') continue;
      if (state === 'old') removed += await unlink(path).then(one, none);
      await rm(note, { force: true });
    }
    return removed;
  }

  #note(path: string): string {
    return join(this.folder, createHash('sha256').update(path).digest('hex').slice(0, 32));
  }
}

const one = () => 1;
const none = () => 0;

/** The path is a note: what is there now may be somebody else's. */
async function stateOf(path: string, nowMs: number): Promise<'young' | 'old' | 'foreign'> {
  if (!path.startsWith('/') || !partialName.test(basename(path))) return 'foreign';
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile() || found.nlink !== 1 || found.uid !== process.geteuid?.()) return 'foreign';
  return nowMs - found.mtimeMs < keptMs ? 'young' : 'old';
}
