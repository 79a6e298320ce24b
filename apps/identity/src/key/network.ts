import { isIPv4, isIPv6 } from 'node:net';

/**
 * Whether text is a network in CIDR form (RFC 4632, RFC 4291 2.3): `10.0.0.0/8`, `2001:db8::/32`. Without zones, and
 * without IPv4 written as IPv6: callers are compared by their IPv4 address, so such a network would match nobody.
 */
export function isNetwork(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(bits)) return false;
  if (isIPv4(address)) return Number(bits) <= 32;
  return isIPv6(address) && !/[%.]|^::ffff:/i.test(address) && Number(bits) <= 128;
}
