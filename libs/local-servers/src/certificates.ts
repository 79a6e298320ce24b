import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { encodeNameConstraints, type PermittedNames } from './name-constraints.js';

// The library reads decorator metadata while it loads, hence reflect-metadata first.

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const NAME_CONSTRAINTS_OID = '2.5.29.30';
const DAY_MS = 86_400_000;

interface Authority {
  certificate: x509.X509Certificate;
  privateKey: webcrypto.CryptoKey;
}

export interface PemPair {
  certificate: string;
  privateKey: string;
}

export async function newAuthorityPem(names: PermittedNames, now: Date, days: number): Promise<PemPair> {
  const { certificate, privateKey } = await selfSignedAuthority(names, now, days);
  return pemPair(certificate, privateKey);
}

export async function newServerPem(authority: PemPair, names: string[], now: Date, days: number): Promise<PemPair> {
  const der = x509.PemConverter.decodeFirst(authority.privateKey);
  const signer = {
    certificate: new x509.X509Certificate(authority.certificate),
    privateKey: await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']),
  };
  const keys = await newKeys();
  return pemPair(await issueServerCertificate(signer, keys.publicKey, names, now, days), keys.privateKey);
}

async function pemPair(certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<PemPair> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return { certificate: certificate.toString('pem'), privateKey: x509.PemConverter.encode(der, 'PRIVATE KEY') };
}

/** An authority that may certify servers, and only under the permitted names. */
async function selfSignedAuthority(names: PermittedNames, now: Date, days: number): Promise<Authority> {
  const keys = await newKeys();
  const serialNumber = newSerial();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber,
    name: `O=Gatehouse, CN=Gatehouse local authority ${serialNumber.slice(0, 8)}`,
    ...validity(now, days),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.Extension(NAME_CONSTRAINTS_OID, true, encodeNameConstraints(names)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, privateKey: keys.privateKey };
}

/** Signs without looking at the name constraints: those are for the client to check, and a test does. */
async function issueServerCertificate(
  authority: Authority,
  publicKey: webcrypto.CryptoKey,
  names: string[],
  now: Date,
  days: number,
) {
  return x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: 'O=Gatehouse, CN=Gatehouse local server',
    issuer: authority.certificate.subject,
    ...validity(now, days),
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** RFC 5280 4.1.2.2: positive and unique; 16 random bytes with the top bit clear. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** Starts an hour early, for clients whose clock is behind. */
function validity(now: Date, days: number) {
  return { notBefore: new Date(now.getTime() - 3_600_000), notAfter: new Date(now.getTime() + days * DAY_MS) };
}
