import { isIPv4 } from 'node:net';

/** The network an address is in, near enough for a person to say "that is not me": /24, or /48 for IPv6. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  if (isIPv4(mapped)) return `${mapped.split('.').slice(0, 3).join('.')}.0/24`;
  return `${expand(mapped).slice(0, 3).join(':')}::/48`;
}

function expand(address: string): readonly string[] {
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const before = head.split(':').filter(Boolean);
  if (tail === undefined) return before;
  const after = tail.split(':').filter(Boolean);
  return [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0'), ...after];
}

/** Where a device flow was begun, for the person who is asked to approve it: one line each, bounded. */
export const deviceRequester = (ip: string, userAgent: string): Record<string, string> => ({
  network: networkOf(ip),
  userAgent: userAgent.replace(/\p{Cc}/gu, ' ').slice(0, 200),
});
