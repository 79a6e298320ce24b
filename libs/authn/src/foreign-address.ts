import { BlockList, isIPv6 } from 'node:net';

/** IPv4 networks that are not the public Internet: IANA's special-purpose registry (RFC 6890), and multicast. */
const reservedIpv4 = listOf([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]);

/** All that is handed out for the public Internet (RFC 4291 2.4), so IPv4 addresses written as IPv6 are not in it. */
const globalUnicast = listOf(['2000::/3']);

/** Special-purpose within that, and what tunnels to an IPv4 address that would go unchecked (Teredo, 6to4). */
const reservedIpv6 = listOf(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

const loopback = listOf(['127.0.0.0/8', '::1/128']);

// One list for each family where they are told apart: Node compares an IPv4 address with IPv6 rules by its mapped form.
function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), familyOf(address));
  }
  return list;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

/** Whether an IP address is of the public Internet: not private, link-local, loopback, multicast or reserved. */
export const isPublicAddress = (address: string): boolean =>
  isIPv6(address)
    ? globalUnicast.check(address, 'ipv6') && !reservedIpv6.check(address, 'ipv6')
    : !reservedIpv4.check(address, 'ipv4');

/** Whether text is an IP address of this machine. A name is none, `localhost` neither. */
export const isLoopback = (text: string): boolean => loopback.check(text, familyOf(text));
