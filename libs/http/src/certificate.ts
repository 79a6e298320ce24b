import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate chain and the key that belongs to it, as PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly notAfter: Date;
}

/**
 * Reads the two files.
 *
 * @throws Error saying which file is at fault, and never anything of the key: unreadable, no certificate, two files that
 *   do not belong together, expired
 * @example readCertificate({ certFile: 'tls/server.pem', keyFile: 'tls/server.key' }, new Date()).notAfter
 */
export function readCertificate({ certFile, keyFile }: CertificateFiles, now: Date): Certificate {
  const cert = read(certFile);
  const key = read(keyFile);
  const leaf = parse(certFile, 'certificate', () => new X509Certificate(cert));
  const privateKey = parse(keyFile, 'private key', () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey)) throw new Error(`${keyFile} is not the key of the certificate in ${certFile}`);
  const notAfter = new Date(leaf.validTo);
  if (notAfter <= now) throw new Error(`the certificate in ${certFile} has expired on ${notAfter.toISOString()}`);
  return { cert, key, notAfter };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function parse<T>(path: string, what: string, work: () => T): T {
  try {
    return work();
  } catch {
    // The parser's own text may quote what it read.
    throw new Error(`${path} holds no ${what} in PEM`);
  }
}

export interface WatchOptions {
  readonly onChange: (certificate: Certificate) => void;
  /** The old certificate stays in use. */
  readonly onError: (error: Error) => void;
  readonly intervalMs?: number;
}

/**
 * Reads the files again whenever one of them changes, by asking for their times: mounted secrets are replaced through
 * symbolic links, which notifications of the file system miss. Between the two writes of a renewal they do not belong
 * together; then the second one is waited for.
 *
 * @returns how to stop
 */
export function watchCertificate(files: CertificateFiles, options: WatchOptions): () => void {
  const paths = [files.certFile, files.keyFile];
  const reload = () => {
    try {
      options.onChange(readCertificate(files, new Date()));
    } catch (error) {
      options.onError(error as Error);
    }
  };
  for (const path of paths) watchFile(path, { interval: options.intervalMs ?? 2_000, persistent: false }, reload);
  return () => {
    for (const path of paths) unwatchFile(path, reload);
  };
}
