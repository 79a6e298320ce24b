import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { PemPair } from './certificates.js';
import { encodeNameConstraints, type PermittedNames } from './name-constraints.js';

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Below the 398 days browsers accept. */
const SERVER_DAYS = 397;
const RENEW_BEFORE_DAYS = 30;
const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1'];

export interface LocalAuthority {
  /** The authority's certificate, for clients to trust (`curl --cacert`). */
  caFile: string;
  /** The server's certificate and key (mode 0600). */
  certFile: string;
  keyFile: string;
  /** SHA-256 of the authority's certificate, as `openssl x509 -fingerprint -sha256` prints it. */
  fingerprint: string;
  /** The server certificate's last moment. */
  expiresAt: Date;
  /** What this call made: `authority` means that clients must trust the new one. */
  renewed: 'nothing' | 'server' | 'authority';
}

/**
 * Makes (or finds) a certificate authority of this machine and a server certificate for localhost, 127.0.0.1, ::1 and `extraNames`.
 * The authority's own certificate limits it to exactly these names (RFC 5280 4.2.1.10), so that its stolen key cannot pose as the
 * rest of the world to a browser that trusts it. The server certificate is renewed when less than 30 days are left; a name the
 * authority may not certify makes a new authority.
 *
 * @example const { caFile, fingerprint } = await createLocalAuthority('/srv/gatehouse/tls', { extraNames: ['gate.lan', '10.0.0.7'] });
 */
export async function createLocalAuthority(
  folder: string,
  options: { extraNames?: readonly string[]; now?: Date } = {},
): Promise<LocalAuthority> {
  const now = options.now ?? new Date();
  const names = [...new Set([...LOCAL_NAMES, ...(options.extraNames ?? [])])];
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = filesIn(folder);
  const knownAuthority = isUsableAuthority(files, names, now);
  if (!knownAuthority) await makeAuthority(files, names, now);
  const knownServer = knownAuthority && isUsableServer(files, names, now);
  if (!knownServer) await makeServer(files, names, now);
  return {
    caFile: files.ca,
    certFile: files.cert,
    keyFile: files.key,
    fingerprint: readCertificate(files.ca).fingerprint256,
    expiresAt: new Date(readCertificate(files.cert).validTo),
    renewed: !knownAuthority ? 'authority' : !knownServer ? 'server' : 'nothing',
  };
}

interface AuthorityFiles {
  ca: string;
  caKey: string;
  cert: string;
  key: string;
}

function filesIn(folder: string): AuthorityFiles {
  const at = (name: string) => join(folder, name);
  return { ca: at('ca.pem'), caKey: at('ca.key'), cert: at('server.pem'), key: at('server.key') };
}

/** Its constraints are looked for as the bytes we would write: it covers exactly these names, or it is not ours. */
function isUsableAuthority({ ca, caKey }: AuthorityFiles, names: string[], now: Date): boolean {
  if (!existsSync(ca) || !existsSync(caKey)) return false;
  const certificate = readCertificate(ca);
  const coversNames = certificate.raw.includes(Buffer.from(encodeNameConstraints(permitted(names))));
  return coversNames && isPair(certificate, caKey) && daysLeft(certificate, now) >= SERVER_DAYS;
}

function isUsableServer({ ca, cert, key }: AuthorityFiles, names: string[], now: Date): boolean {
  if (!existsSync(cert) || !existsSync(key)) return false;
  const certificate = readCertificate(cert);
  const isCertified = (name: string) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name));
  const sameNames = names.every(isCertified) && certificate.subjectAltName?.split(', ').length === names.length;
  const issued = certificate.verify(readCertificate(ca).publicKey);
  return sameNames && issued && isPair(certificate, key) && daysLeft(certificate, now) >= RENEW_BEFORE_DAYS;
}

function readCertificate(file: string): X509Certificate {
  return new X509Certificate(readFileSync(file));
}

/** A crash between writing a key and its certificate leaves two that do not belong together. */
function isPair(certificate: X509Certificate, keyFile: string): boolean {
  return certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)));
}

function daysLeft(certificate: X509Certificate, now: Date): number {
  return (new Date(certificate.validTo).getTime() - now.getTime()) / DAY_MS;
}

function permitted(names: string[]): PermittedNames {
  return { dns: names.filter((name) => isIP(name) === 0), ip: names.filter((name) => isIP(name) !== 0) };
}

// The module that makes certificates is loaded only when one is made: it takes a third of a second.
const certificates = () => import('./certificates.js');

async function makeAuthority(files: AuthorityFiles, names: string[], now: Date): Promise<void> {
  const { newAuthorityPem } = await certificates();
  writePair(files.ca, files.caKey, await newAuthorityPem(permitted(names), now, AUTHORITY_DAYS));
}

async function makeServer(files: AuthorityFiles, names: string[], now: Date): Promise<void> {
  const { newServerPem } = await certificates();
  const authority = { certificate: readFileSync(files.ca, 'utf8'), privateKey: readFileSync(files.caKey, 'utf8') };
  writePair(files.cert, files.key, await newServerPem(authority, names, now, SERVER_DAYS));
}

function writePair(certFile: string, keyFile: string, pair: PemPair): void {
  writeWhole(keyFile, pair.privateKey, 0o600);
  writeWhole(certFile, pair.certificate, 0o644);
}

/** Written aside and renamed, so that a reader never sees half a file. */
function writeWhole(path: string, text: string, mode: number): void {
  const partial = `${path}.partial`;
  writeFileSync(partial, `${text.trimEnd()}\n`, { mode });
  renameSync(partial, path);
}
