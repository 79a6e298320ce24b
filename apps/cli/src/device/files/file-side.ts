import type { FileEntry } from '@gatehouse/session';
import { exitCodes, Failure } from '../../failure.js';

export interface FileAttributes {
  readonly mode?: number;
  readonly mtimeMs?: number;
}

/** What was copied is of two moments: nothing of it is put in its place. */
export class SourceChanged extends Failure {
  constructor(path: string) {
    super(exitCodes.negative, `${path} changed while it was copied`, 'Copy it again');
  }
}

/** A name that is not UTF-8 reads like this, and leads nowhere. */
export const isUnreadable = (name: string): boolean => name.includes('\ufffd');

/** One file that is to be put somewhere, whole or not at all. */
export interface WriteWish {
  readonly path: string;
  readonly size: number;
  /** Names this attempt and later ones of the same file: 32 digits of base 16. */
  readonly resume: string;
  readonly attributes: FileAttributes;
  readonly overwrite: boolean;
}

/** Where a copy goes on from: bytes of an earlier attempt that are there, and their hash. */
export interface Partial {
  readonly bytes: number;
  readonly sha256?: string;
}

/** Gives bytes from `offset` on; `take` is waited for, so that no more is read than can be written. */
export type Source = (
  offset: number,
  take: (chunk: Uint8Array) => Promise<void>,
) => Promise<{ readonly bytes: number }>;

/** Files on one side, here or on a device. Paths are those of that side. Nothing is followed out of a folder unasked. */
export interface FileSide {
  /** For messages: `edge-1:` or nothing. */
  readonly label: string;
  /** Whether what was written before can be hashed here, so that a copy from elsewhere can go on where it stopped. */
  readonly keepsHash: boolean;
  join(folder: string, name: string): string;
  baseName(path: string): string;
  /** Undefined when there is no such thing. */
  stat(path: string, followLinks: boolean): Promise<FileEntry | undefined>;
  /** Names are checked; each comes once. */
  list(path: string): AsyncIterable<FileEntry>;
  /** With the file as it is after its last byte was read. */
  read(
    path: string,
    offset: number,
    take: (chunk: Uint8Array) => Promise<void>,
  ): Promise<{ bytes: number; entry?: FileEntry }>;
  partial(wish: WriteWish): Promise<Partial>;
  /** Writes from `offset` on and puts it in its place, if its hash is that of what was sent. */
  write(wish: WriteWish, offset: number, source: Source): Promise<void>;
  /** What an attempt left that will not be resumed. */
  discard(wish: WriteWish): Promise<void>;
  mkdir(path: string): Promise<void>;
  symlink(path: string, target: string): Promise<void>;
  /** A link itself, never what it leads to; a folder when it is empty. */
  remove(path: string): Promise<void>;
  setAttributes(path: string, attributes: FileAttributes): Promise<void>;
  close(): void;
}
