import { constants, type Stats } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rmdir,
  stat,
  symlink,
  unlink,
} from 'node:fs/promises';
import { posix } from 'node:path';
import ssh2, { type Attributes, type SFTPWrapper } from 'ssh2';
import { attributesOf, longName, setByHandle, setByPath } from './sftp-attributes.js';

const { STATUS_CODE: code, OPEN_MODE: mode } = ssh2.utils.sftp;
const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_TRUNC, O_EXCL, O_NONBLOCK, O_NOCTTY } = constants;
const maxHandles = 256;
const maxReadBytes = 256 * 1024;
const pageEntries = 64;

export interface SftpRights {
  readonly read: boolean;
  readonly write: boolean;
}

type Held = { readonly file: FileHandle } | { readonly folder: string; names: string[] };
class Denied extends Error {}

const statuses: Readonly<Record<string, number>> = {
  ENOENT: code.NO_SUCH_FILE,
  ENOTDIR: code.NO_SUCH_FILE,
  EACCES: code.PERMISSION_DENIED,
  EPERM: code.PERMISSION_DENIED,
  EROFS: code.PERMISSION_DENIED,
};

/**
 * SFTP version 3 (draft-ietf-secsh-filexfer-02), as the account of the runtime. Links are what they are: `remove` removes one,
 * `lstat` looks at one, and only where the protocol follows one is it followed.
 */
export function serveSftp(sftp: SFTPWrapper, home: string, rights: SftpRights): void {
  new SftpServer(sftp, home, rights).listen();
}

class SftpServer {
  readonly #held = new Map<number, Held>();
  #turn: Promise<void> = Promise.resolve();
  #isOver = false;
  #last = 0;

  constructor(
    private readonly sftp: SFTPWrapper,
    private readonly home: string,
    private readonly rights: SftpRights,
  ) {}

  listen(): void {
    const { sftp } = this;
    sftp.on('OPEN', (id, path, flags, attributes) => this.#do(id, () => this.#open(id, path, flags, attributes)));
    sftp.on('READ', (id, handle, offset, length) => this.#do(id, () => this.#read(id, handle, offset, length)));
    sftp.on('WRITE', (id, handle, offset, data) => this.#done(id, () => this.#write(handle, offset, data)));
    sftp.on('CLOSE', (id, handle) => this.#done(id, () => this.#close(handle)));
    sftp.on('OPENDIR', (id, path) => this.#do(id, () => this.#openFolder(id, path)));
    sftp.on('READDIR', (id, handle) => this.#do(id, () => this.#readFolder(id, handle)));
    sftp.on('STAT', (id, path) => this.#attributes(id, () => stat(this.#at(path))));
    sftp.on('LSTAT', (id, path) => this.#attributes(id, () => lstat(this.#at(path))));
    sftp.on('FSTAT', (id, handle) => this.#attributes(id, () => this.#file(handle).stat()));
    sftp.on('REALPATH', (id, path) => this.#do(id, () => this.#realPath(id, path)));
    sftp.on('READLINK', (id, path) =>
      this.#do(id, async () => this.#name(id, await readlink(this.#at(this.#readable(path))))),
    );
    this.#listenToChanges();
    sftp.on('end', () => endWell(sftp));
    sftp.on('close', () => {
      this.#isOver = true;
      this.#turn = this.#turn.then(() => this.#closeAll());
    });
    sftp.on('error', () => undefined);
  }

  #listenToChanges(): void {
    const { sftp } = this;
    const change = (id: number, work: () => Promise<unknown>) =>
      this.#done(id, () => {
        if (!this.rights.write) throw new Denied();
        return work();
      });
    sftp.on('SETSTAT', (id, path, wish) => change(id, () => setByPath(this.#at(path), wish)));
    sftp.on('FSETSTAT', (id, handle, wish) => change(id, () => setByHandle(this.#file(handle), wish)));
    sftp.on('REMOVE', (id, path) => change(id, () => unlink(this.#at(path))));
    sftp.on('RMDIR', (id, path) => change(id, () => rmdir(this.#at(path))));
    sftp.on('MKDIR', (id, path, { mode: wish }) =>
      change(id, () => mkdir(this.#at(path), wish === undefined ? {} : { mode: wish & 0o777 })),
    );
    sftp.on('RENAME', (id, from, to) => change(id, () => this.#rename(this.#at(from), this.#at(to))));
    sftp.on('SYMLINK', (id, path, target) => change(id, () => symlink(target, this.#at(path))));
  }

  /** Never over what is there: the draft's words. A folder has no second name, and is moved once nothing is seen there. */
  async #rename(from: string, to: string): Promise<void> {
    if ((await lstat(from)).isDirectory()) {
      if (await lstat(to).catch(() => undefined)) throw new Error('exists');
      return rename(from, to);
    }
    await link(from, to);
    await unlink(from);
  }

  async #open(id: number, path: string, flags: number, { mode: wish }: Attributes): Promise<void> {
    const writes = (flags & (mode.WRITE | mode.APPEND | mode.CREAT | mode.TRUNC)) !== 0;
    const reads = (flags & mode.READ) !== 0 || !writes;
    if ((writes && !this.rights.write) || (reads && !this.rights.read)) throw new Denied();
    if (this.#held.size >= maxHandles) throw new Error('too many handles');
    const file = await open(this.#at(path), openFlags(flags, reads, writes), wish === undefined ? 0o666 : wish & 0o777);
    // A pipe or a line would wait, and never be at its end.
    if ((await file.stat()).isFile()) this.sftp.handle(id, this.#hold({ file }));
    else {
      await file.close();
      throw new Denied();
    }
  }

  async #read(id: number, handle: Buffer, offset: number, length: number): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(length, maxReadBytes));
    const { bytesRead } = await this.#file(handle).read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) this.sftp.status(id, code.EOF);
    else this.sftp.data(id, buffer.subarray(0, bytesRead));
  }

  async #write(handle: Buffer, offset: number, data: Buffer): Promise<void> {
    const file = this.#file(handle);
    for (let done = 0; done < data.length; )
      done += (await file.write(data, done, data.length - done, offset + done)).bytesWritten;
  }

  async #close(handle: Buffer): Promise<void> {
    const held = this.#find(handle);
    this.#held.delete(handle.readUInt32BE(0));
    if ('file' in held) await held.file.close();
  }

  async #openFolder(id: number, path: string): Promise<void> {
    const folder = this.#at(this.#readable(path));
    if (this.#held.size >= maxHandles) throw new Error('too many handles');
    this.sftp.handle(id, this.#hold({ folder, names: ['.', '..', ...(await readdir(folder))] }));
  }

  async #readFolder(id: number, handle: Buffer): Promise<void> {
    const held = this.#find(handle);
    if (!('folder' in held)) throw new Error('not a folder');
    const names = held.names.splice(0, pageEntries);
    if (names.length === 0) {
      this.sftp.status(id, code.EOF);
      return;
    }
    const entries = await Promise.all(
      names.map(async (filename) => {
        const stats = await lstat(posix.join(held.folder, filename)).catch(() => undefined);
        return stats === undefined
          ? []
          : [{ filename, longname: longName(filename, stats), attrs: attributesOf(stats) }];
      }),
    );
    this.sftp.name(id, entries.flat());
  }

  /** Where a path would be: it need not be there. */
  async #realPath(id: number, path: string): Promise<void> {
    const at = this.#at(path);
    this.#name(id, await realpath(at).catch(() => at));
  }

  #name(id: number, filename: string): void {
    this.sftp.name(id, [{ filename, longname: filename, attrs: {} as Attributes }]);
  }

  #attributes(id: number, look: () => Promise<Stats>): void {
    this.#do(id, async () => this.sftp.attrs(id, attributesOf(await look())));
  }

  /**
   * One request after the other, in order, as OpenSSH's own server does: its clients up to 9.2 cut a file off where the first
   * answer came out of turn, and say nothing. `work` answers by itself, if it does not fail. What waits when the session ends is
   * not done any more.
   */
  #do(id: number, work: () => Promise<unknown>): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#isOver) return;
      try {
        await work();
      } catch (error) {
        this.#fail(id, error as NodeJS.ErrnoException);
      }
    });
  }

  #fail(id: number, error: NodeJS.ErrnoException): void {
    const status = error instanceof Denied ? code.PERMISSION_DENIED : (statuses[error.code ?? ''] ?? code.FAILURE);
    this.sftp.status(id, status, error.code === 'ENOSPC' ? 'the disk is full' : undefined);
  }

  #done(id: number, work: () => Promise<unknown>): void {
    this.#do(id, async () => {
      await work();
      this.sftp.status(id, code.OK);
    });
  }

  #at(path: string): string {
    if (path.includes('\0')) throw new Denied();
    return posix.resolve(this.home, path);
  }

  #readable(path: string): string {
    if (!this.rights.read) throw new Denied();
    return path;
  }

  #hold(held: Held): Buffer {
    this.#last = (this.#last + 1) >>> 0;
    this.#held.set(this.#last, held);
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(this.#last);
    return handle;
  }

  #find(handle: Buffer): Held {
    const held = handle.length === 4 ? this.#held.get(handle.readUInt32BE(0)) : undefined;
    if (held === undefined) throw new Error('no such handle');
    return held;
  }

  #file(handle: Buffer): FileHandle {
    const held = this.#find(handle);
    if ('file' in held) return held.file;
    throw new Error('not a file');
  }

  async #closeAll(): Promise<void> {
    for (const held of this.#held.values()) if ('file' in held) await held.file.close().catch(() => undefined);
    this.#held.clear();
  }
}

/**
 * Who has asked for all waits for us to close, and takes it for an error when no code was told before. The package has no
 * call for that here as it has for other channels; its version is fixed.
 */
function endWell(sftp: SFTPWrapper): void {
  const { _protocol: protocol, outgoing } = sftp as unknown as {
    readonly _protocol: { exitStatus(channel: number, code: number): void };
    readonly outgoing: { readonly id: number };
  };
  protocol.exitStatus(outgoing.id, 0);
  sftp.end();
}

function openFlags(flags: number, reads: boolean, writes: boolean): number {
  const has = (flag: number, bit: number) => ((flags & flag) === 0 ? 0 : bit);
  const access = reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
  const rest =
    has(mode.APPEND, O_APPEND) | has(mode.CREAT, O_CREAT) | has(mode.TRUNC, O_TRUNC) | has(mode.EXCL, O_EXCL);
  return access | rest | O_NONBLOCK | O_NOCTTY;
}
