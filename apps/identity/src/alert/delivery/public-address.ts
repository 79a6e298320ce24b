import { BlockList, isIP, isIPv4 } from 'node:net';

/** IANA special-purpose registries (RFC 6890 and its successors): what is not the public internet. */
const special4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
];
/** Of IPv6 only 2000::/3 is global unicast; within it, what tunnels to IPv4 or documents. */
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];

const listOf = (networks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList => {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), family);
  }
  return list;
};

const refused4 = listOf(special4, 'ipv4');
const refused6 = listOf(special6, 'ipv6');
const global6 = listOf(['2000::/3'], 'ipv6');

/** Whether an address is of the public internet: not ours, not a neighbour's, not the metadata service of a cloud. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false;
  if (isIPv4(address)) return !refused4.check(address, 'ipv4');
  return global6.check(address, 'ipv6') && !refused6.check(address, 'ipv6');
}

export type WebhookTargets = 'public' | 'any';

/** Why a webhook cannot have this address, or undefined. What a name leads to is checked when it is called, each time. */
export function webhookUrlProblem(text: string, targets: WebhookTargets): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  const schemes = targets === 'any' ? ['https:', 'http:'] : ['https:'];
  if (!schemes.includes(url.protocol)) return 'is not an https URL';
  if (url.username !== '' || url.password !== '') return 'holds a user name or password';
  if (url.hash !== '') return 'has a fragment';
  const literal = literalAddress(url);
  if (targets === 'public' && literal !== undefined && !isPublicAddress(literal)) return 'is not a public address';
  return undefined;
}

/** The address that a URL names itself, so that no name is looked up. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 ? undefined : bare;
}
