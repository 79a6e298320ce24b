import type { ErrorMessage } from '@gatehouse/session';

/** An answer that is an error. */
export class FileFailure extends Error {
  override readonly name = 'FileFailure';
  constructor(
    readonly code: ErrorMessage['code'],
    detail: string,
  ) {
    super(detail);
  }
}

const answers: Readonly<Record<string, readonly [ErrorMessage['code'], string]>> = {
  ENOENT: ['not_found', 'there is no such file or folder'],
  ENOTDIR: ['not_found', 'a part of the path is no folder'],
  EACCES: ['permission', 'the account of the runtime may not'],
  EPERM: ['permission', 'the account of the runtime may not'],
  EROFS: ['permission', 'the file system is read-only'],
  EEXIST: ['exists', 'it exists'],
  ENOTEMPTY: ['exists', 'the folder is not empty'],
  EISDIR: ['exists', 'it is a folder'],
  ELOOP: ['permission', 'it is a link'],
  ENOSPC: ['io', 'the disk is full'],
  EDQUOT: ['io', 'the quota is used up'],
  EFBIG: ['limit', 'the file system takes no file of that size'],
  EMFILE: ['limit', 'too many open files'],
  ENFILE: ['limit', 'too many open files'],
  ENAMETOOLONG: ['protocol', 'the name is too long'],
  EINVAL: ['protocol', 'that cannot be done to it'],
  EXDEV: ['unsupported', 'that is another file system'],
  EBUSY: ['busy', 'it is in use'],
  ETXTBSY: ['busy', 'it is in use'],
  EOPNOTSUPP: ['unsupported', 'the file system does not have that'],
};

/** What is told to the client: no path, which it knows, and no stack. */
export function errorOf(error: unknown): ErrorMessage {
  if (error instanceof FileFailure) return { code: error.code, detail: error.message };
  const { code = 'unknown' } = error as NodeJS.ErrnoException;
  const [word, detail] = answers[code] ?? ['io', code];
  return { code: word, detail };
}
