import { createHash, type Hash } from 'node:crypto';
import { Zip, ZipDeflate } from 'fflate';

/** One file of an archive, as its manifest lists it. */
export interface ArchivedFile {
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Text is compressed in pieces of about this size. */
const pieceBytes = 64 * 1024;

/**
 * A zip that is made while it is written, one file after the other, with never more than a piece of it in memory: whoever
 * writes takes what has become ready with {@link Archive.take}.
 *
 * @example
 * const archive = new Archive(Date.now());
 * const file = archive.open('profile.jsonl');
 * file.write('{"email":"ann@example.org"}\n');
 * file.close(1);
 * archive.close();
 * const bytes = archive.take();
 */
export class Archive {
  readonly files: ArchivedFile[] = [];
  readonly #zip: Zip;
  readonly #now: number;
  #ready: Uint8Array[] = [];
  #failure: Error | undefined;

  constructor(now: number) {
    this.#now = now;
    this.#zip = new Zip((error, bytes) => {
      if (error) this.#failure = error;
      else if (bytes.length > 0) this.#ready.push(bytes);
    });
  }

  open(name: string): ArchiveFile {
    const entry = new ZipDeflate(name, { level: 6 });
    entry.mtime = this.#now;
    this.#zip.add(entry);
    return new ArchiveFile(
      name,
      (bytes, isLast) => entry.push(bytes, isLast),
      (file) => this.files.push(file),
    );
  }

  close(): void {
    this.#zip.end();
  }

  /** What has become ready since it was last asked. @throws whatever the compression could not do */
  take(): Buffer {
    if (this.#failure) throw this.#failure;
    const bytes = Buffer.concat(this.#ready);
    this.#ready = [];
    return bytes;
  }
}

export class ArchiveFile {
  readonly #hash: Hash = createHash('sha256');
  #waiting = '';
  #bytes = 0;

  constructor(
    private readonly name: string,
    private readonly push: (bytes: Uint8Array, isLast: boolean) => void,
    private readonly done: (file: ArchivedFile) => void,
  ) {}

  write(text: string): void {
    this.#waiting += text;
    if (this.#waiting.length >= pieceBytes) this.#flush(false);
  }

  /** @param records how many the file holds, for the manifest */
  close(records: number): void {
    this.#flush(true);
    this.done({ name: this.name, records, bytes: this.#bytes, sha256: this.#hash.digest('hex') });
  }

  #flush(isLast: boolean): void {
    const bytes = Buffer.from(this.#waiting, 'utf8');
    this.#waiting = '';
    this.#bytes += bytes.length;
    this.#hash.update(bytes);
    this.push(bytes, isLast);
  }
}
