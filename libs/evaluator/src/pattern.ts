import { parseActionName, parseResource } from './parse.js';

/** Matches one text. No backtracking, so no pattern is slow. */
export interface TextPattern {
  readonly kind: 'any' | 'is' | 'begins' | 'ends';
  readonly text: string;
}

const anyText: TextPattern = { kind: 'any', text: '' };

export function matchesText({ kind, text }: TextPattern, name: string): boolean {
  if (kind === 'is') return name === text;
  if (kind === 'begins') return name.startsWith(text);
  return kind === 'any' || name.endsWith(text);
}

/** Whether every text that `inner` matches is matched by `outer` too. */
export function containsText(outer: TextPattern, inner: TextPattern): boolean {
  if (outer.kind === 'any') return true;
  if (inner.kind === 'is') return matchesText(outer, inner.text);
  return inner.kind === outer.kind && matchesText(outer, inner.text);
}

/** Whether some text is matched by both. */
export function overlapsText(a: TextPattern, b: TextPattern): boolean {
  if (a.kind === 'is') return matchesText(b, a.text);
  if (b.kind === 'is') return matchesText(a, b.text);
  return a.kind !== b.kind || a.kind === 'any' || matchesText(a, b.text) || matchesText(b, a.text);
}

/** `*`, `deploy.*`, `*.read` or `deploy.production`; `undefined` for anything else. */
export function actionPattern(source: string): TextPattern | undefined {
  if (source === '*') return anyText;
  const begins = source.endsWith('.*');
  const ends = !begins && source.startsWith('*.');
  const name = begins ? source.slice(0, -2) : ends ? source.slice(2) : source;
  if (name.includes('*') || !parseActionName(name).ok) return undefined;
  if (begins) return { kind: 'begins', text: `${name}.` };
  return ends ? { kind: 'ends', text: `.${name}` } : { kind: 'is', text: name };
}

/** Type and id are compared apart: joined texts could agree where the pairs do not. */
export interface ResourcePattern {
  readonly type: TextPattern;
  readonly id: TextPattern;
}

const anyResource: ResourcePattern = { type: anyText, id: anyText };

/** `*`, `type/*`, `type/path/*`, `type/name` or a scope word; `undefined` for anything else. */
export function resourcePattern(source: string): ResourcePattern | undefined {
  if (source === '*') return anyResource;
  const begins = source.endsWith('/*');
  // With a stand-in for the star the rest must be a resource like any other.
  const parsed = parseResource(begins ? `${source.slice(0, -1)}x` : source);
  if (!parsed.ok) return undefined;
  const { type } = parsed.value;
  const id = begins ? parsed.value.id.slice(0, -1) : parsed.value.id;
  if (`${type}${id}`.includes('*')) return undefined;
  if (begins && id === '') return { type: { kind: 'is', text: type }, id: anyText };
  return { type: { kind: 'is', text: type }, id: { kind: begins ? 'begins' : 'is', text: id } };
}

/** Patterns that are known to be well formed: {@link policyErrors} has looked at them. */
export const compilePatterns = <P>(sources: readonly string[], one: (source: string) => P | undefined): readonly P[] =>
  sources.map(one).filter((pattern): pattern is P & {} => pattern !== undefined);
