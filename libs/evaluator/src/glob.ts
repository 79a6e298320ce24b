import { RE2JS } from 're2js';

/** Says whether a pattern matches a whole name. */
export type NameTest = (name: string) => boolean;

/** Longest accepted pattern, in UTF-16 code units. */
const longest = 512;

interface CharacterClass {
  readonly not: boolean;
  readonly ranges: readonly (readonly [from: number, to: number])[];
}
type Part = '*' | '?' | number | CharacterClass;

const code = (char: string): number => char.codePointAt(0) ?? 0;

/** The class that begins after `[` at `start`, and where it ends; undefined if it is empty, open or turned around. */
function readClass(chars: readonly string[], start: number): { part: CharacterClass; end: number } | undefined {
  const not = chars[start] === '!';
  const ranges: [number, number][] = [];
  let i = not ? start + 1 : start;
  while (i < chars.length && chars[i] !== ']') {
    const from = chars[i] ?? '';
    const isRange = chars[i + 1] === '-' && chars[i + 2] !== undefined && chars[i + 2] !== ']';
    const to = isRange ? (chars[i + 2] ?? '') : from;
    if (code(to) < code(from)) return undefined;
    ranges.push([code(from), code(to)]);
    i += isRange ? 3 : 1;
  }
  return i < chars.length && ranges.length > 0 ? { part: { not, ranges }, end: i } : undefined;
}

function readGlob(glob: string): Part[] | undefined {
  const chars = [...glob];
  const parts: Part[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? '';
    if (char === '*') {
      if (parts.at(-1) !== '*') parts.push('*');
    } else if (char === '?') parts.push('?');
    else if (char === '[') {
      const read = readClass(chars, i + 1);
      if (!read) return undefined;
      parts.push(read.part);
      i = read.end;
    } else parts.push(code(char));
  }
  return parts;
}

function isOne(part: Part | undefined, char: number): boolean {
  if (part === undefined || part === '*') return false;
  if (part === '?') return true;
  if (typeof part === 'number') return part === char;
  return part.ranges.some(([from, to]) => char >= from && char <= to) !== part.not;
}

/** At most the product of the lengths: only the last star is ever taken again. */
function matchesGlob(parts: readonly Part[], chars: readonly number[]): boolean {
  let at = 0;
  let star = -1;
  let from = 0;
  for (let i = 0; i < chars.length; ) {
    if (isOne(parts[at], chars[i] ?? 0)) {
      at++;
      i++;
    } else if (parts[at] === '*') {
      star = at++;
      from = i;
    } else if (star >= 0) {
      at = star + 1;
      i = ++from;
    } else return false;
  }
  while (parts[at] === '*') at++;
  return at === parts.length;
}

function compileRegex(source: string): NameTest | undefined {
  try {
    const regex = RE2JS.compile(source, RE2JS.CASE_INSENSITIVE);
    return (name) => regex.testExact(name);
  } catch {
    return undefined;
  }
}

function compileGlob(source: string): NameTest | undefined {
  const glob = source.toLowerCase();
  const middle = glob.replace(/^\*+|\*+$/g, '');
  const [before, after] = [glob.startsWith('*'), glob.endsWith('*')];
  if (!/[*?[]/.test(middle)) {
    if (before && after) return (name) => name.toLowerCase().includes(middle);
    if (before) return (name) => name.toLowerCase().endsWith(middle);
    if (after) return (name) => name.toLowerCase().startsWith(middle);
    return (name) => name.toLowerCase() === middle;
  }
  const parts = readGlob(glob);
  return parts && ((name) => matchesGlob(parts, [...name.toLowerCase()].map(code)));
}

/** Undefined if it is no pattern. Letter case is left out; time is linear in the name. */
export function compileName(pattern: string): NameTest | undefined {
  if (pattern === '' || pattern.length > longest) return undefined;
  return pattern.startsWith('regex:') ? compileRegex(pattern.slice('regex:'.length)) : compileGlob(pattern);
}

/** The one name it matches, in lower case; undefined if it is a glob or a regular expression. */
export const literalName = (pattern: string): string | undefined =>
  pattern.startsWith('regex:') || /[*?[]/.test(pattern) ? undefined : pattern.toLowerCase();

/** Whether a pattern means `type/id`; otherwise ids of users. In a regular expression too. */
export const namesType = (pattern: string): boolean => pattern.includes('/');
