import type { FieldError } from '../model.js';

/** A stretch of a text, in UTF-16 code units, the end left out. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What is found in Cedar text without knowing its grammar. */
export interface Outline {
  /** Each policy from its first token to its semicolon. */
  readonly policies: readonly Span[];
  /** Whole numbers that a number of JSON may not carry. */
  readonly longs: readonly Span[];
  readonly faults: readonly FieldError[];
}

/**
 * Cedar's parser calls itself for each level, and its memory is in pieces once the stack has run out. So deep text never
 * reaches it. `depth` counts brackets and `if`s, `operators` what makes a chain deep without brackets.
 */
export const textLimits = { chars: 65_536, depth: 32, operators: 256 } as const;

const token = /\s+|\/\/[^\n\r]*|"(?:\\.|[^"\\])*"|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|::|[=!<>]=|&&|\|\||./gsy;
const blank = /^(?:\s|\/\/)/;
const operator = /^(?:[=!<>]=|&&|\|\||[-!<>=+*.[]|in|has|like|is|when|unless)$/;

/** Digits that a number of JSON carries whatever they are. */
const exactDigits = 15;

/** `line:column`, both from 1, of a place in the text. */
export function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return `${line}:${offset - before.lastIndexOf('\n')}`;
}

class Outliner {
  readonly policies: Span[] = [];
  readonly longs: Span[] = [];
  readonly faults: FieldError[] = [];
  #start: number | undefined;
  #depth = 0;
  #outer: number[] = [];
  #operators = 0;

  constructor(private readonly text: string) {}

  #fault(offset: number, message: string): void {
    // The first says it all: the rest of a policy that is too deep is too deep as well.
    if (this.faults.length === 0) this.faults.push({ path: placeOf(this.text, offset), message });
  }

  read(word: string, start: number): void {
    if (blank.test(word)) return;
    this.#start ??= start;
    const end = start + word.length;
    if (word === ';') this.#endPolicy(end);
    else if (word === '?') this.#fault(start, 'policy templates are not supported');
    else if (/^[0-9]/.test(word) && word.length > exactDigits) this.longs.push({ start, end });
    else this.#measure(word, start);
  }

  #measure(word: string, start: number): void {
    if (operator.test(word)) this.#operators++;
    if (word === '(' || word === '[' || word === '{') this.#outer.push(this.#depth++);
    // An `if` has no end of its own: it lasts as long as the bracket it stands in.
    else if (word === 'if') this.#depth++;
    else if (word === ')' || word === ']' || word === '}') this.#depth = this.#outer.pop() ?? 0;
    if (this.#depth > textLimits.depth) this.#fault(start, `is nested more than ${textLimits.depth} deep`);
    if (this.#operators > textLimits.operators) {
      this.#fault(start, `a policy must have at most ${textLimits.operators} operators`);
    }
  }

  #endPolicy(end: number): void {
    this.policies.push({ start: this.#start as number, end });
    this.#start = undefined;
    this.#depth = 0;
    this.#outer = [];
    this.#operators = 0;
  }
}

/** Splits Cedar text into its policies, and measures them. */
export function outline(text: string): Outline {
  const outliner = new Outliner(text);
  for (const found of text.matchAll(token)) outliner.read(found[0], found.index);
  return outliner;
}

/** The policy, each of `longs` within it replaced by an entity of the type. */
export function withoutLongs(text: string, policy: Span, longs: readonly Span[], longType: string): string {
  let [rewritten, from] = ['', policy.start];
  for (const { start, end } of longs) {
    if (start < policy.start || end > policy.end) continue;
    rewritten += `${text.slice(from, start)}${longType}::"${text.slice(start, end)}"`;
    from = end;
  }
  return rewritten + text.slice(from, policy.end);
}

/** A word that the text does not hold. */
export function unusedWord(text: string): string {
  let word = 'long';
  for (let i = 0; text.includes(word); i++) word = `long${i}`;
  return word;
}
