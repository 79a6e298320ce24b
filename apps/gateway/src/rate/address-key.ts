import { isIPv4 } from 'node:net';

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * The part of an address that stands for one customer of the network: an IPv4 address, or the first 64 bits of an IPv6
 * address, since whoever has one of these has 2^64 of them (RFC 6177).
 *
 * @example addressKey('2001:db8:1:2:3:4:5:6') // '2001:db8:1:2'
 */
export function addressKey(ip: string): string {
  const plain = mapped.exec(ip)?.[1] ?? ip;
  if (isIPv4(plain)) return plain;
  const [head = '', tail] = plain.split('%')[0]?.toLowerCase().split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  if (tail === undefined) return groups.slice(0, 4).join(':');
  const behind = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => '0');
  return [...groups, ...zeros, ...behind].slice(0, 4).join(':');
}
