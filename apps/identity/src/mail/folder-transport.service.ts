import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dayMs, type Letter, type Transport } from './letter.js';

/** For development: one file a letter, readable by its owner only, gone after a day. Never part of the service's log. */
export class FolderTransport implements Transport {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async send({ id, subject, to, title, text }: Letter): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, `${id}_${subject}.txt`);
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(`To: ${to}\nSubject: ${title}\n\n${text}`);
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }

  async erase(subject: string): Promise<number> {
    const own = (await this.#names()).filter((name) => name.endsWith(`_${subject}.txt`));
    for (const name of own) await rm(join(this.#folder, name), { force: true });
    return own.length;
  }

  async tidy(nowMs: number): Promise<void> {
    for (const name of await this.#names()) {
      const path = join(this.#folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }));
      if (mtimeMs < nowMs - dayMs) await rm(path, { force: true });
    }
  }

  stop(): void {}

  /** Letters of ours only: the folder may hold other files. */
  async #names(): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names.filter((name) => /^[0-9a-f-]{36}_[A-Za-z0-9_-]{1,128}\.txt(\.new)?$/.test(name));
  }
}
