/** Bytes of an address: 4 or 16. An IPv4-mapped IPv6 address is the IPv4 address it maps. */
export type Address = readonly number[];

export interface Network {
  readonly bytes: Address;
  readonly bits: number;
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  // No leading zeros: some read them as octal, and then two readers disagree about who is meant.
  if (!parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** Groups of 16 bits on one side of `::`. */
function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const last = parts.at(-1) ?? '';
  const tail = last.includes('.') ? parseV4(last) : [];
  if (!tail) return undefined;
  const hex = tail.length > 0 ? parts.slice(0, -1) : parts;
  if (!hex.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = tail;
  return [...hex.map((part) => Number.parseInt(part, 16)), ...(tail.length > 0 ? [a * 256 + b, c * 256 + d] : [])];
}

function parseV6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  // Dotted bytes stand at the very end only.
  if (halves.length === 2 && halves[0]?.includes('.')) return undefined;
  const sides = halves.map(groups);
  const [left, right] = sides;
  if (!left || (halves.length === 2 && !right)) return undefined;
  const missing = 8 - left.length - (right?.length ?? 0);
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...left, ...Array.from({ length: missing }, () => 0), ...(right ?? [])];
  return all.flatMap((group) => [group >> 8, group & 255]);
}

const isMapped = (bytes: Address): boolean =>
  bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;

/** Longest text of an IPv6 address, with dotted bytes at its end. */
const longest = 45;

export function parseAddress(text: string): Address | undefined {
  if (text.length > longest) return undefined;
  if (!text.includes(':')) return parseV4(text);
  const bytes = parseV6(text);
  return bytes && isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** `10.0.0.0/8`, `2001:db8::/32`; without bits one address. Bits beyond the prefix may be set and mean nothing. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  if (rest.length > 0 || address.length > longest) return undefined;
  const bytes = address.includes(':') ? parseV6(address) : parseV4(address);
  if (!bytes) return undefined;
  const most = bytes.length * 8;
  if (bits !== undefined && (!/^(0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > most)) return undefined;
  const prefix = bits === undefined ? most : Number(bits);
  return bytes.length === 16 && prefix >= 96 && isMapped(bytes)
    ? { bytes: bytes.slice(12), bits: prefix - 96 }
    : { bytes, bits: prefix };
}

/** False if the families differ. */
export function isWithin({ bytes, bits }: Network, address: Address): boolean {
  if (bytes.length !== address.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== address[i]) return false;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return ((bytes[whole] ?? 0) & mask) === ((address[whole] ?? 0) & mask);
}
