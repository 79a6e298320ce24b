import { X509Certificate } from 'node:crypto';
import { type Extensions, type GeneralName, readExtensions } from './certificate-extensions.js';

/** Certificates above the server's own. */
const maxDepth = 4;
const maxAuthorities = 512;

interface Link {
  readonly certificate: X509Certificate;
  readonly extensions: Extensions;
}

/**
 * Is this chain vouched for by one of these authorities (RFC 5280 6)? For authorities of our own: BoringSSL, which quiche is built
 * on, refuses every chain of an authority that is confined to certain IP addresses, because it cannot compare those, and Node has
 * no call for OpenSSL's answer. What is not understood here is refused. Whether the name is the wanted one is not asked here.
 *
 * @param chain DER, the server's own certificate first
 * @param ca PEM of the authorities
 * @returns why not; undefined: it is
 */
export function chainRefusal(chain: readonly Uint8Array[], ca: string, now = new Date()): string | undefined {
  try {
    const [leaf, ...intermediates] = chain.slice(0, maxDepth + 1).map((der) => linkOf(new X509Certificate(der)));
    if (!leaf) return 'the server showed no certificate';
    const pems = ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const authorities = pems.slice(0, maxAuthorities).map((pem) => new X509Certificate(pem));
    if (!leaf.extensions.mayServe) return 'the certificate is not for servers';
    return follow([leaf], intermediates, authorities, now);
  } catch {
    return 'the certificate cannot be read, or says something that must be understood and is not';
  }
}

const linkOf = (certificate: X509Certificate): Link => ({ certificate, extensions: readExtensions(certificate.raw) });

function follow(
  path: readonly Link[],
  intermediates: readonly Link[],
  authorities: readonly X509Certificate[],
  now: Date,
): string | undefined {
  const last = path.at(-1);
  if (!last || path.length > maxDepth + 1) return 'the chain of certificates is too long';
  if (!isValidAt(last.certificate, now)) return 'a certificate is not yet, or no longer, valid';
  if (authorities.some(({ raw }) => raw.equals(last.certificate.raw))) return undefined;
  let why = 'no authority that we trust vouches for the certificate';
  for (const authority of authorities) {
    if (!isIssuer(authority, last.certificate)) continue;
    const refused =
      refusalOfIssuer(linkOf(authority), path) ?? (isValidAt(authority, now) ? undefined : 'the authority has expired');
    if (refused === undefined) return undefined;
    why = refused;
  }
  for (const issuer of intermediates) {
    if (path.includes(issuer) || !isIssuer(issuer.certificate, last.certificate)) continue;
    const refused = refusalOfIssuer(issuer, path) ?? follow([...path, issuer], intermediates, authorities, now);
    if (refused === undefined) return undefined;
    why = refused;
  }
  return why;
}

const isIssuer = (issuer: X509Certificate, issued: X509Certificate): boolean =>
  issued.checkIssued(issuer) && issued.verify(issuer.publicKey);

const isValidAt = ({ validFrom, validTo }: X509Certificate, now: Date): boolean =>
  Date.parse(validFrom) <= now.getTime() && now.getTime() <= Date.parse(validTo);

/** May it certify what is below it? */
function refusalOfIssuer({ extensions }: Link, below: readonly Link[]): string | undefined {
  const { isAuthority, mayCertify, mayServe, pathLength, permitted, excluded } = extensions;
  if (!isAuthority || !mayCertify || !mayServe) return 'the certificate is signed by one that may not do so';
  if (pathLength !== undefined && below.length - 1 > pathLength)
    return 'there are more certificates than their authority allows';
  for (const name of below.flatMap((link) => link.extensions.names)) {
    const same = permitted.filter(({ type }) => type === name.type);
    if (excluded.some((base) => isWithin(name, base) || (base.type === 'other' && name.type === 'other'))) {
      return 'the authority may not certify this name';
    }
    if (same.length > 0 && !same.some((base) => isWithin(name, base))) return 'the authority may not certify this name';
  }
  return undefined;
}

function isWithin(name: GeneralName, base: GeneralName): boolean {
  if (name.type !== base.type) return false;
  if (name.type === 'dns') return isSubdomain(name.value.toString('latin1'), base.value.toString('latin1'));
  return name.type === 'ip' && isInNetwork(name.value, base.value);
}

function isSubdomain(name: string, base: string): boolean {
  if (base === '') return true;
  return base.startsWith('.') ? name.endsWith(base) : name === base || name.endsWith(`.${base}`);
}

/** @param network address and mask, one behind the other */
function isInNetwork(address: Buffer, network: Buffer): boolean {
  const { length } = address;
  if (network.length !== length * 2) return false;
  return address.every((byte, index) => {
    const mask = network[length + index] ?? 255;
    return (byte & mask) === ((network[index] ?? 0) & mask);
  });
}
