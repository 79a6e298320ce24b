import type { Entity } from '../model.js';

export function actionMatches(pattern: string, action: string): boolean {
  if (pattern === '*') return true;
  if (pattern.endsWith('.*')) return action.startsWith(pattern.slice(0, -1));
  if (pattern.startsWith('*.')) return action.endsWith(pattern.slice(1));
  return pattern === action;
}

export function entityMatches(pattern: string, entity: Entity): boolean {
  const name = `${entity.type}/${entity.id}`;
  if (pattern === '*') return true;
  if (!pattern.includes('/')) return entity.type === 'scope' && entity.id === pattern;
  if (pattern.endsWith('/*')) return name.startsWith(pattern.slice(0, -1));
  return pattern === name;
}

/** The pattern of an `access` rule: on the id of users, or with a slash on `type/id`; letter case left out. */
export function accessMatches(pattern: string, subject: Entity): boolean {
  const hasSlash = pattern.includes('/');
  if (!hasSlash && subject.type !== 'user') return false;
  const name = hasSlash ? `${subject.type}/${subject.id}` : subject.id;
  if (pattern.startsWith('regex:')) return new RegExp(`^(?:${pattern.slice(6)})$`, 'iu').test(name);
  return globMatches([...pattern.toLowerCase()], [...name.toLowerCase()]);
}

/** By trying every possibility. */
function globMatches(pattern: readonly string[], name: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return name.length === 0;
  if (first === '*') return globMatches(rest, name) || (name.length > 0 && globMatches(pattern, name.slice(1)));
  const [letter, ...others] = name;
  if (letter === undefined) return false;
  if (first === '?') return globMatches(rest, others);
  if (first === '[') {
    const end = pattern.indexOf(']', 2);
    const members = pattern.slice(1, end);
    const isNegated = members[0] === '!';
    const has = classHas(isNegated ? members.slice(1) : members, letter);
    return has !== isNegated && globMatches(pattern.slice(end + 1), others);
  }
  return first === letter && globMatches(rest, others);
}

function classHas(members: readonly string[], letter: string): boolean {
  for (let at = 0; at < members.length; at += 1) {
    const from = members[at] ?? '';
    const to = members[at + 2];
    if (members[at + 1] === '-' && to !== undefined) {
      if (from <= letter && letter <= to) return true;
      at += 2;
    } else if (from === letter) return true;
  }
  return false;
}

interface Address {
  readonly family: 4 | 6;
  readonly bits: string;
}

/** Whether an address lies in a network; undefined if the text is no address. */
export function networkHas(network: string, text: string): boolean | undefined {
  const address = addressOf(text);
  if (!address) return undefined;
  const [base = '', length] = network.split('/');
  const start = addressOf(base);
  if (!start) throw new Error(`no network: ${network}`);
  // Written as IPv6 and counted as IPv4, a mapped network has 96 bits more than it is compared by.
  const isMapped = start.family === 4 && base.includes(':');
  const isWide = isMapped && length !== undefined && Number(length) < 96;
  if (isWide) return address.family === 6 && address.bits.startsWith(''.padStart(Number(length), '0'));
  const bits = length === undefined ? start.bits.length : Number(length) - (isMapped ? 96 : 0);
  return start.family === address.family && address.bits.startsWith(start.bits.slice(0, bits));
}

/** An address as a row of bits. */
function addressOf(text: string): Address | undefined {
  const four = bitsOfFour(text);
  if (four) return { family: 4, bits: four };
  const six = bitsOfSix(text);
  if (!six) return undefined;
  const mapped = '0'.repeat(80) + '1'.repeat(16);
  return six.startsWith(mapped) ? { family: 4, bits: six.slice(96) } : { family: 6, bits: six };
}

function bitsOfFour(text: string): string | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  // RFC 3986 dec-octet: no leading zero, which some read as octal.
  if (!parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return parts.map((part) => Number(part).toString(2).padStart(8, '0')).join('');
}

/** RFC 4291 2.2: eight groups of hexadecimal, once `::`, the last two may be written as IPv4. */
function bitsOfSix(text: string): string | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const bits: string[] = [];
  for (const [at, half] of halves.entries()) {
    const groups = half === '' ? [] : half.split(':');
    let row = '';
    for (const [place, group] of groups.entries()) {
      const isLast = at === halves.length - 1 && place === groups.length - 1;
      const four = isLast ? bitsOfFour(group) : undefined;
      if (!four && !/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      row += four ?? Number.parseInt(group, 16).toString(2).padStart(16, '0');
    }
    bits.push(row);
  }
  const [head = '', tail] = bits;
  if (tail === undefined) return head.length === 128 ? head : undefined;
  const missing = 128 - head.length - tail.length;
  return missing >= 16 ? head + '0'.repeat(missing) + tail : undefined;
}
