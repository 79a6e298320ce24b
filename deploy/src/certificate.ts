import { createPrivateKey, X509Certificate } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createLocalAuthority } from '@gatehouse/local-servers';
import { InitError } from './init-error.js';
import type { SecretFiles } from './project-folder.js';

/** A certificate chain and its key as somebody else issued them, both PEM files. */
export interface OwnCertificate {
  readonly certificate: string;
  readonly key: string;
}

type TlsFiles = SecretFiles['tls'];

/** A certificate for `hosts` by an authority of our own; says what clients must trust. */
export async function issueCertificate(tls: TlsFiles, hosts: readonly string[]): Promise<string> {
  mkdirSync(tls.folder, { recursive: true, mode: 0o700 });
  writeFileSync(tls.hosts, hosts.map((host) => `${host}\n`).join(''), { mode: 0o600 });
  const { fingerprint, expiresAt } = await createLocalAuthority(tls.folder, { extraNames: hosts });
  const until = expiresAt.toISOString().slice(0, 10);
  return `certificate valid until ${until}; its authority is ${tls.authority}, SHA-256 ${fingerprint}`;
}

/** Renews the certificate if less than 30 days are left, or it is to be for other names; these make a new authority. */
export function renewCertificate(tls: TlsFiles, hosts: readonly string[]): Promise<string> {
  const known = readFileSync(tls.hosts, 'utf8')
    .split('\n')
    .filter((host) => host !== '');
  return issueCertificate(tls, hosts.length > 0 ? hosts : known);
}

export const isOwn = (tls: TlsFiles): boolean => !existsSync(tls.authorityKey);

/** Copies a certificate of the operator's. Throws InitError when the gateway would not start with it. */
export function useCertificate(tls: TlsFiles, own: OwnCertificate, hosts: readonly string[], now: Date): string {
  const leaf = readPem(own.certificate, 'certificate', (text) => new X509Certificate(text));
  const key = readPem(own.key, 'private key', (text) => createPrivateKey(text));
  if (!leaf.checkPrivateKey(key)) throw new InitError(`${own.key} is not the key of ${own.certificate}`);
  if (new Date(leaf.validTo) <= now) throw new InitError(`${own.certificate} has expired on ${leaf.validTo}`);
  const stranger = hosts.find((host) => (isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host)) === undefined);
  if (stranger !== undefined) throw new InitError(`${own.certificate} is not for ${stranger}`);
  mkdirSync(tls.folder, { recursive: true, mode: 0o700 });
  copyFileSync(own.certificate, tls.certificate);
  writeFileSync(tls.key, readFileSync(own.key), { mode: 0o600 });
  // The gateway does not offer it (GATEHOUSE_CA_FILE is empty), but Compose mounts a file of this name.
  copyFileSync(own.certificate, tls.authority);
  rmSync(tls.authorityKey, { force: true });
  return `certificate of ${own.certificate}, valid until ${new Date(leaf.validTo).toISOString().slice(0, 10)}`;
}

function readPem<T>(path: string, what: string, parse: (text: string) => T): T {
  if (!existsSync(path)) throw new InitError(`${path} does not exist`);
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch {
    // The parser's own text may quote what it read.
    throw new InitError(`${path} holds no ${what} in PEM`);
  }
}
