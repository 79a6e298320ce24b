import { isIPv4 } from 'node:net';

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What a log may hold of where a call came from: the network, not the address, which is personal data that no erasure
 * could reach there. 256 IPv4 addresses, or an IPv6 site (the first 48 bits) are told apart, enough to see an attack.
 *
 * @example networkToLog('203.0.113.177') // '203.0.113.0/24'
 * @example networkToLog('2001:db8:7:2::1') // '2001:db8:7::/48'
 */
export function networkToLog(ip: string | undefined): string {
  // The caller is gone, and its address with it.
  if (ip === undefined) return 'unknown';
  const plain = mapped.exec(ip)?.[1] ?? ip;
  if (isIPv4(plain)) return plain.replace(/\d+$/, '0/24');
  const [head = ''] = plain.toLowerCase().split('%')[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  return `${[...groups, '0', '0', '0'].slice(0, 3).join(':')}::/48`;
}
