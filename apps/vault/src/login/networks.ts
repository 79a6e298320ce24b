import { BlockList, isIP, isIPv6 } from 'node:net';
import { z } from 'zod';

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

/** Whether an address lies in one of these networks in CIDR form; no list is no limit. */
export function isWithin(networks: readonly string[], ip: string): boolean {
  if (networks.length === 0) return true;
  const address = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] ?? ip;
  return isIP(address) !== 0 && listOf(networks).check(address, familyOf(address));
}

// Also tells whether a text is a network at all: `BlockList` throws for what is none.
function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return list;
}

const isNetwork = (text: string): boolean => {
  if (!/^[0-9a-fA-F.:]{2,45}(?:\/\d{1,3})?$/.test(text)) return false;
  try {
    listOf([text]);
    return true;
  } catch {
    return false;
  }
};

/** Addresses and networks in CIDR form, as a list or as one text with commas. */
export const networkList = z
  .union([
    z.array(z.string()),
    z.string().transform((text) => (text === '' ? [] : text.split(',').map((part) => part.trim()))),
  ])
  .pipe(z.array(z.string().refine(isNetwork, 'must be an address or a network such as 10.0.0.0/8')).max(64));
