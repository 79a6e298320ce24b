/** What a template may name. `name` and `username` are the same role. */
export const placeholders = ['name', 'username', 'password', 'expiration'] as const;
export type Placeholder = (typeof placeholders)[number];
export type StatementValues = Readonly<Partial<Record<Placeholder, string>>>;

/** A template that is refused when it is written, not when somebody needs a credential. */
export class StatementRefused extends Error {
  constructor(readonly reason: string) {
    super(reason);
    this.name = 'StatementRefused';
  }
}

/** `in`: how the text is quoted where it stands. `comment` is kept as it is. */
interface Part {
  readonly kind: 'sql' | 'literal' | 'escape' | 'identifier' | 'comment' | 'dollar';
  readonly text: string;
}

/** A piece of SQL as PostgreSQL's lexer takes it apart (4.1): what is quoted how, and what is a comment. */
const lexer = new RegExp(
  [
    String.raw`(?<comment>--[^\n]*|/\*[\s\S]*?\*/)`,
    String.raw`(?<escape>\b[eE]'(?:[^'\\]|''|\\[\s\S])*')`,
    `(?<literal>'(?:[^']|'')*')`,
    `(?<identifier>"(?:[^"]|"")*")`,
    String.raw`(?<dollar>\$(?<tag>[A-Za-z_]\w*)?\$[\s\S]*?\$\k<tag>\$)`,
  ].join('|'),
  'g',
);

function partsOf(text: string): readonly Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(lexer)) {
    if (match.index > end) parts.push({ kind: 'sql', text: text.slice(end, match.index) });
    const { comment, escape: escaped, literal, identifier } = match.groups ?? {};
    const kind = comment !== undefined ? 'comment' : escaped !== undefined ? 'escape' : quoted(literal, identifier);
    parts.push({ kind, text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ kind: 'sql', text: text.slice(end) });
  return parts;
}

const quoted = (literal: string | undefined, identifier: string | undefined): Part['kind'] =>
  literal !== undefined ? 'literal' : identifier !== undefined ? 'identifier' : 'dollar';

export const quoteLiteral = (text: string): string => `'${inLiteral(text)}'`;
export const quoteIdentifier = (text: string): string => `"${inIdentifier(text)}"`;

const inIdentifier = (text: string): string => withoutNul(text).replaceAll('"', '""');

// A backslash would mean something where the server has standard_conforming_strings off.
const inLiteral = (text: string): string => {
  if (text.includes('\\')) throw new StatementRefused('a value holds a backslash');
  return withoutNul(text).replaceAll("'", "''");
};

function withoutNul(text: string): string {
  if (text.includes('\0')) throw new StatementRefused('a value holds NUL');
  return text;
}

const isName = (placeholder: string): boolean => placeholder === 'name' || placeholder === 'username';

const pattern = /\{\{([^{}]*)\}\}/g;

/** How a value is written into each kind of part. */
const writers: Readonly<Record<Part['kind'], (placeholder: string, value: string) => string>> = {
  sql: (placeholder, value) => (isName(placeholder) ? quoteIdentifier(value) : quoteLiteral(value)),
  literal: (_placeholder, value) => inLiteral(value),
  escape: (_placeholder, value) => inLiteral(value),
  identifier: (_placeholder, value) => inIdentifier(value),
  comment: () => '',
  // The body of a function or DO block is SQL again.
  dollar: () => '',
};

/**
 * Puts values into a template, each quoted for the place where it stands: `"{{name}}"`, `'{{password}}'`, or bare.
 *
 * @example renderStatement(`CREATE ROLE "{{name}}" PASSWORD '{{password}}'`, { name: 'gh_x', password: 's3cret' })
 * @throws StatementRefused for a placeholder without a value
 */
export function renderStatement(template: string, values: StatementValues): string {
  return partsOf(template)
    .map(({ kind, text }) => {
      if (kind === 'dollar') {
        const tag = /^\$\w*\$/.exec(text)?.[0] ?? '$$';
        return `${tag}${renderStatement(text.slice(tag.length, -tag.length), values)}${tag}`;
      }
      return text.replace(pattern, (_all, inner: string) => {
        const placeholder = inner.trim();
        const value = values[placeholder as Placeholder];
        if (value === undefined) throw new StatementRefused(`there is no value for {{${placeholder.slice(0, 32)}}}`);
        return writers[kind](placeholder, value);
      });
    })
    .join('');
}

/** Words that begin a statement which would end the transaction that we wrap around all of them. */
const transactionControl =
  /^(abort|begin|commit|end|prepare\s+transaction|release|rollback|savepoint|start\s+transaction|vacuum|create\s+database|drop\s+database|create\s+tablespace|drop\s+tablespace|copy|listen|discard|reset\s+session|set\s+(local\s+)?(session|role))\b/i;

/**
 * Checks a template as it is written: placeholders that exist, quotes that close, and no statement that would end our
 * transaction: a role must never stand there without its marker and its end.
 *
 * @throws StatementRefused
 */
export function assertTemplate(template: string, allowed: readonly Placeholder[] = placeholders): void {
  const parts = partsOf(template);
  for (const { kind, text } of parts) {
    if (kind === 'sql' && /['"]|\$\w*\$|\/\*/.test(text))
      throw new StatementRefused('a quotation or comment is not closed');
    for (const [, inner = ''] of text.matchAll(pattern))
      if (!(allowed as readonly string[]).includes(inner.trim()))
        throw new StatementRefused(`{{${inner.trim().slice(0, 32)}}} is not known here`);
  }
  const bare = parts.map(({ kind, text }) => (kind === 'sql' ? text : kind === 'comment' ? ' ' : '_')).join('');
  for (const statement of bare.split(';'))
    if (transactionControl.test(statement.trim()))
      throw new StatementRefused('statements run in one transaction of ours and must not begin, end or leave it');
}
