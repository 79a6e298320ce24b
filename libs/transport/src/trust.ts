import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { StreamReset } from './byte-stream.js';
import type { TlsTrust } from './carrier.js';

export const alpn = 'gatehouse/1';

const pinPattern = /^[0-9a-f]{64}$/;

/** SHA-256 of a certificate, hex. */
export const fingerprintOf = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

/** @throws StreamReset `certificate` for a pin that is none, which would otherwise match nothing or, worse, be left out */
export function checkTrust(trust: TlsTrust): void {
  if (trust.pin !== undefined && !pinPattern.test(trust.pin)) {
    throw new StreamReset({ code: 'certificate', detail: 'the pin is not a SHA-256 fingerprint in lower-case hex' });
  }
  if (trust.ca !== undefined && trust.ca.trim() === '') {
    throw new StreamReset({ code: 'certificate', detail: 'the file of authorities is empty' });
  }
}

/** Whether the chain is for the TLS library to check: not with a pin, where nothing else counts. */
export const needsChain = (trust: TlsTrust): boolean => trust.pin === undefined && !trust.trustAnything;

let systemText: string | undefined;

/** PEM of those who may vouch for a server. */
export function authorities(trust: TlsTrust): string {
  if (trust.ca !== undefined) return trust.ca;
  // Newer Nodes add NODE_EXTRA_CA_CERTS and, if told to, the system's store.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => readonly string[] };
  systemText ??= (getCACertificates?.('default') ?? tls.rootCertificates).join('\n');
  return systemText;
}

/**
 * Is this leaf the one we wanted? The chain above it was checked by the TLS library if {@link needsChain}.
 *
 * @returns why not; undefined: it is
 */
export function refusalOf(leaf: Uint8Array | undefined, host: string, trust: TlsTrust): string | undefined {
  if (!leaf || leaf.length === 0) return 'the server showed no certificate';
  if (trust.pin !== undefined) {
    return fingerprintOf(leaf) === trust.pin ? undefined : 'the certificate is not the pinned one';
  }
  if (trust.trustAnything) return undefined;
  const certificate = new X509Certificate(leaf);
  const matches = isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host, { subject: 'never' });
  return matches === undefined ? `the certificate is not for ${host}` : undefined;
}

/** What is sent as server name (RFC 6066 3 forbids addresses). */
export const serverNameOf = (host: string): string | undefined => (isIP(host) ? undefined : host.replace(/\.$/, ''));
