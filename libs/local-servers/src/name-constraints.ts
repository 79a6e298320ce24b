import { isIPv4 } from 'node:net';

/** Names an authority may certify, exactly these and names below a DNS name. */
export interface PermittedNames {
  dns: readonly string[];
  /** IPv4 or IPv6 addresses, each a constraint of its own (/32 or /128). */
  ip: readonly string[];
}

/**
 * The DER of a NameConstraints extension value with permitted subtrees only.
 *
 * NameConstraints ::= SEQUENCE { permittedSubtrees [0] SEQUENCE OF GeneralSubtree }
 * GeneralSubtree  ::= SEQUENCE { base GeneralName }     dNSName is [2], iPAddress is [7]: address then mask
 * @see RFC 5280 4.2.1.10
 */
export function encodeNameConstraints(names: PermittedNames): ArrayBuffer {
  const subtrees = [
    ...names.dns.map((name) => tlv(0x82, Buffer.from(name, 'ascii'))),
    ...names.ip.map((address) => tlv(0x87, addressAndMask(address))),
  ].map((base) => tlv(0x30, base));
  const der = tlv(0x30, tlv(0xa0, Buffer.concat(subtrees)));
  return new Uint8Array(der).buffer;
}

function tlv(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...derLength(content.length)]), content]);
}

function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}

function addressAndMask(address: string): Buffer {
  const bytes = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address);
  return Buffer.concat([bytes, Buffer.alloc(bytes.length, 0xff)]);
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
