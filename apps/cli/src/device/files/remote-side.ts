import { createHash, type Hash } from 'node:crypto';
import { posix } from 'node:path';
import type { FileEntry } from '@gatehouse/session';
import { exitCodes, Failure } from '../../failure.js';
import { DeviceFailure } from '../dial/failures.js';
import type { FileChannel } from './file-channel.js';
import { checkedName, joinRemote } from './file-path.js';
import type { FileAttributes, FileSide, Partial, Source, WriteWish } from './file-side.js';

/** Files on a device, through one channel. */
export class RemoteSide implements FileSide {
  readonly label: string;
  readonly keepsHash = false;

  constructor(
    device: string,
    private readonly channel: FileChannel,
  ) {
    this.label = `${device}:`;
  }

  join(folder: string, name: string): string {
    return joinRemote(folder, name);
  }

  baseName(path: string): string {
    return posix.basename(path);
  }

  async stat(path: string, followLinks: boolean): Promise<FileEntry | undefined> {
    try {
      const { entry } = await this.channel.ask({ op: 'stat', path, followLinks });
      return entry;
    } catch (error) {
      if (error instanceof DeviceFailure && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async *list(path: string): AsyncIterable<FileEntry> {
    let after: string | undefined;
    let more = true;
    const seen = new Set<string>();
    while (more) {
      const page = await this.channel.ask({ op: 'list', path, ...(after !== undefined && { after }) });
      const entries = page.entries ?? [];
      for (const entry of entries) {
        // Twice the same name could be a link first and a folder behind it then.
        if (seen.has(checkedName(entry.name)))
          throw new Failure(exitCodes.unavailable, `${this.label}${path} lists ${entry.name} twice`);
        seen.add(entry.name);
        yield entry;
      }
      after = entries.at(-1)?.name;
      more = page.more === true && after !== undefined;
    }
  }

  async read(path: string, offset: number, take: (chunk: Uint8Array) => Promise<void>) {
    const hash = createHash('sha256');
    let bytes = 0;
    const answer = await this.channel.ask({ op: 'read', path, offset }, async (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
      await take(chunk);
    });
    if (answer.bytes !== bytes || answer.sha256 !== hash.digest('hex'))
      throw new Failure(exitCodes.unavailable, `${this.label}${path}: what arrived is not what was sent`);
    return { bytes, ...(answer.entry && { entry: answer.entry }) };
  }

  async partial({ path, resume }: WriteWish): Promise<Partial> {
    const { bytes = 0, sha256 } = await this.channel.ask({ op: 'partial', path, resume });
    return { bytes, ...(sha256 !== undefined && { sha256 }) };
  }

  async write({ path, size, resume, attributes, overwrite }: WriteWish, offset: number, source: Source): Promise<void> {
    const hash = createHash('sha256');
    await this.channel.write({ op: 'write', path, size, offset, resume }, async (take) => {
      await takePrefix(source, offset, hash);
      await source(offset, (chunk) => {
        hash.update(chunk);
        return take(chunk);
      });
    });
    await this.channel.ask({ op: 'commit', path, resume, sha256: hash.digest('hex'), overwrite, ...attributes });
  }

  async discard({ path, resume }: WriteWish): Promise<void> {
    const at = joinRemote(posix.dirname(path), `.gatehouse-${resume}.part`);
    await this.channel.ask({ op: 'remove', path: at, recursive: false });
  }

  async mkdir(path: string): Promise<void> {
    await this.channel.ask({ op: 'mkdir', path, parents: false });
  }

  async symlink(path: string, target: string): Promise<void> {
    await this.channel.ask({ op: 'symlink', path, target });
  }

  async remove(path: string): Promise<void> {
    await this.channel.ask({ op: 'remove', path, recursive: false });
  }

  async setAttributes(path: string, attributes: FileAttributes): Promise<void> {
    await this.channel.ask({ op: 'setattr', path, ...attributes });
  }

  close(): void {
    this.channel.close();
  }
}

/** What is over there already counts in the hash of the whole. */
async function takePrefix(source: Source, offset: number, hash: Hash): Promise<void> {
  if (offset === 0) return;
  let left = offset;
  await source(0, async (chunk) => {
    if (left > 0) hash.update(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) throw new PrefixDone();
  }).catch((error: unknown) => {
    if (!(error instanceof PrefixDone)) throw error;
  });
}

class PrefixDone extends Error {}
