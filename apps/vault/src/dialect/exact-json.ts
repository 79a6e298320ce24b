import { ProblemError } from '@gatehouse/http';

/** Levels of objects and lists. */
const maxDepth = 64;

/** Tokens of valid JSON; what stands between them is white space. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\]:]/g;

const refuse = (detail: string): ProblemError => new ProblemError('malformed_body', detail);

/**
 * Parses JSON that is kept as it was sent, or not at all: a number that JavaScript would round, a name that is there twice
 * (of which other parsers take one or the other), half of a surrogate pair and the name `__proto__` are refused.
 *
 * @param bytes UTF-8
 * @returns the value; undefined for an empty body
 * @throws ProblemError `malformed_body`, without the text
 * @example parseExactly(Buffer.from('{"n": 9007199254740993}')) // throws: the number cannot be kept exactly
 */
export function parseExactly(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the body.
    throw refuse('The body is not JSON');
  }
  checkTokens(text);
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('The body is not UTF-8');
  }
}

function checkTokens(text: string): void {
  /** The names so far of each object that is open; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') {
      if (open.push(token === '{' ? new Set() : undefined) > maxDepth)
        throw refuse(`Objects and lists are nested more than ${maxDepth} deep`);
    } else if (token === '}' || token === ']') open.pop();
    else if (token === ':') checkName(JSON.parse(last) as string, open.at(-1));
    else if (token.startsWith('"')) checkText(token);
    else checkNumber(token);
    last = token;
  }
}

function checkName(name: string, names: Set<string> | undefined): void {
  if (name === '__proto__') throw refuse('The name __proto__ is not taken');
  if (names?.has(name)) throw refuse('A name is there twice in one object');
  names?.add(name);
}

function checkText(token: string): void {
  if (/\\u[dD][89a-fA-F]/.test(token) && /\p{Surrogate}/u.test(JSON.parse(token) as string))
    throw refuse('A text holds half of a surrogate pair');
}

function checkNumber(token: string): void {
  if (decimalOf(token) !== decimalOf(String(Number(token))))
    throw refuse('A number cannot be kept exactly: send it as a text');
}

/** Significant digits and exponent, one text for each value: `1.50` and `15e-1` are both `15e-1`. */
function decimalOf(literal: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return literal.includes('I') ? literal : '0';
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${power}`;
}
