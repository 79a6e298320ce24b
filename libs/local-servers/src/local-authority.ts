import { createHash, createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  ALGORITHM,
  type Authority,
  issueServerCertificate,
  NAME_CONSTRAINTS_OID,
  newKeys,
  selfSignedAuthority,
  x509,
} from './certificates.js';
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
  const known = await loadAuthority(files, names, now);
  const authority = known ?? (await makeAuthority(files, names, now));
  const current = known === undefined ? undefined : loadServer(files, names, now);
  const server = current ?? (await makeServer(files, authority, names, now));
  return {
    caFile: files.ca,
    certFile: files.cert,
    keyFile: files.key,
    fingerprint: fingerprintOf(authority.certificate),
    expiresAt: server.notAfter,
    renewed: known === undefined ? 'authority' : current === undefined ? 'server' : 'nothing',
  };
}

/** `AB:CD:...`, the SHA-256 of the certificate's DER. */
export function fingerprintOf(certificate: x509.X509Certificate): string {
  const hex = createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('hex').toUpperCase();
  return hex.match(/../g)?.join(':') ?? '';
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

async function loadAuthority(files: AuthorityFiles, names: string[], now: Date): Promise<Authority | undefined> {
  if (!existsSync(files.ca) || !existsSync(files.caKey)) return undefined;
  const certificate = new x509.X509Certificate(readFileSync(files.ca, 'utf8'));
  const wanted = Buffer.from(encodeNameConstraints(permitted(names)));
  const extension = certificate.getExtension(NAME_CONSTRAINTS_OID);
  const coversNames = extension !== null && wanted.equals(Buffer.from(extension.value));
  if (!coversNames || !isPair(files.ca, files.caKey) || daysLeft(certificate, now) < SERVER_DAYS) return undefined;
  const der = x509.PemConverter.decodeFirst(readFileSync(files.caKey, 'utf8'));
  return {
    certificate,
    privateKey: await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']),
  };
}

function loadServer(files: AuthorityFiles, names: string[], now: Date): x509.X509Certificate | undefined {
  if (!existsSync(files.cert) || !existsSync(files.key)) return undefined;
  const certificate = new x509.X509Certificate(readFileSync(files.cert, 'utf8'));
  const certified = certificate
    .getExtension(x509.SubjectAlternativeNameExtension)
    ?.names.items.map(({ value }) => value);
  const sameNames = names.every((name) => certified?.includes(name)) && certified?.length === names.length;
  const usable = sameNames && isPair(files.cert, files.key) && isIssuedBy(files.cert, files.ca);
  return usable && daysLeft(certificate, now) >= RENEW_BEFORE_DAYS ? certificate : undefined;
}

/** A crash between writing the key and its certificate leaves two that do not belong together. */
function isPair(certFile: string, keyFile: string): boolean {
  return new X509Certificate(readFileSync(certFile)).checkPrivateKey(createPrivateKey(readFileSync(keyFile)));
}

function isIssuedBy(certFile: string, authorityFile: string): boolean {
  const authority = new X509Certificate(readFileSync(authorityFile));
  return new X509Certificate(readFileSync(certFile)).verify(authority.publicKey);
}

function daysLeft(certificate: x509.X509Certificate, now: Date): number {
  return (certificate.notAfter.getTime() - now.getTime()) / DAY_MS;
}

function permitted(names: string[]): PermittedNames {
  return { dns: names.filter((name) => isIP(name) === 0), ip: names.filter((name) => isIP(name) !== 0) };
}

async function makeAuthority(files: AuthorityFiles, names: string[], now: Date): Promise<Authority> {
  const authority = await selfSignedAuthority(permitted(names), now, AUTHORITY_DAYS);
  writeWhole(files.caKey, await pemOfKey(authority.privateKey), 0o600);
  writeWhole(files.ca, authority.certificate.toString('pem'), 0o644);
  return authority;
}

async function makeServer(files: AuthorityFiles, authority: Authority, names: string[], now: Date) {
  const keys = await newKeys();
  const certificate = await issueServerCertificate(authority, keys.publicKey, names, now, SERVER_DAYS);
  writeWhole(files.key, await pemOfKey(keys.privateKey), 0o600);
  writeWhole(files.cert, certificate.toString('pem'), 0o644);
  return certificate;
}

async function pemOfKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** Written aside and renamed, so that a reader never sees half a file. */
function writeWhole(path: string, text: string, mode: number): void {
  const partial = `${path}.partial`;
  writeFileSync(partial, `${text.trimEnd()}\n`, { mode });
  renameSync(partial, path);
}
