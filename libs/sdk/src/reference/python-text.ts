/**
 * White space as Python's `str.isspace()` knows it, which is also what `\s` of its `re` and `str.strip()` take. It is not
 * JavaScript's: U+001C to U+001F and U+0085 belong to it, U+FEFF (a byte order mark) does not.
 */
export const pythonSpace = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const edges = new RegExp(`^[${pythonSpace}]+`);
const spaces = new RegExp(`^[${pythonSpace}]$`);

/**
 * `text.strip()` of Python.
 *
 * @example pythonStrip('\x1c a b \n') // 'a b'
 */
export function pythonStrip(text: string): string {
  // From the back by hand: a pattern anchored at the end alone takes quadratic time on long runs of blanks.
  let end = text.length;
  while (end > 0 && spaces.test(text[end - 1] as string)) end--;
  return text.slice(0, end).replace(edges, '');
}
