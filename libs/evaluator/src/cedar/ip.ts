/** An address or a network of Cedar's `ipaddr` extension: 4 groups of 8 bits, or 8 of 16, and the length of the prefix. */
export class Ip {
  readonly kind = 'ip';

  constructor(
    readonly groups: readonly number[],
    readonly prefix: number,
  ) {}

  get isV4(): boolean {
    return this.groups.length === 4;
  }

  get key(): string {
    return `${this.groups.join(this.isV4 ? '.' : ':')}/${this.prefix}`;
  }

  isInRange(of: Ip): boolean {
    if (this.groups.length !== of.groups.length || this.prefix < of.prefix) return false;
    const width = this.isV4 ? 8 : 16;
    for (let i = 0, left = of.prefix; left > 0; i++, left -= width) {
      const unused = Math.max(0, width - left);
      if ((this.groups[i] as number) >> unused !== (of.groups[i] as number) >> unused) return false;
    }
    return true;
  }
}

const loopback = [new Ip([127, 0, 0, 0], 8), new Ip([0, 0, 0, 0, 0, 0, 0, 1], 128)];
const multicast = [new Ip([224, 0, 0, 0], 4), new Ip([0xff00, 0, 0, 0, 0, 0, 0, 0], 8)];

export const isLoopback = (ip: Ip): boolean => loopback.some((range) => ip.isInRange(range));
export const isMulticast = (ip: Ip): boolean => multicast.some((range) => ip.isInRange(range));

const octet = /^(0|[1-9][0-9]{0,2})$/;
const hextet = /^[0-9A-Fa-f]{1,4}$/;
const prefixLength = /^(0|[1-9][0-9]{0,2})$/;

function parseV4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => octet.test(part))) return undefined;
  const groups = parts.map(Number);
  return groups.every((group) => group <= 255) ? groups : undefined;
}

const hextets = (text: string): number[] | undefined => {
  if (text === '') return [];
  const parts = text.split(':');
  return parts.every((part) => hextet.test(part)) ? parts.map((part) => Number.parseInt(part, 16)) : undefined;
};

/** As Rust's parser does, without IPv4 written into IPv6, which Cedar refuses. `::` stands for one group at least. */
function parseV6(text: string): number[] | undefined {
  const gap = text.indexOf('::');
  if (gap < 0) {
    const groups = hextets(text);
    return groups?.length === 8 ? groups : undefined;
  }
  const head = hextets(text.slice(0, gap));
  const tail = hextets(text.slice(gap + 2));
  if (!head || !tail || head.length + tail.length > 7) return undefined;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** `10.0.0.1`, `10.0.0.0/8`, `2001:db8::1`, `2001:db8::/32`. */
export function parseIp(text: string): Ip | undefined {
  if (text.length > 43) return undefined;
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const groups = address.includes(':') ? parseV6(address) : parseV4(address);
  if (!groups) return undefined;
  const bits = groups.length === 4 ? 32 : 128;
  if (slash < 0) return new Ip(groups, bits);
  const prefix = text.slice(slash + 1);
  if (!prefixLength.test(prefix) || Number(prefix) > bits) return undefined;
  return new Ip(groups, Number(prefix));
}
