import type { Resource } from './model.js';
import { parseActionName, parseResource } from './parse.js';

/** Matches one text: equal to `text`, or beginning with it. No backtracking, so no pattern is slow. */
interface TextPattern {
  readonly text: string;
  readonly prefix: boolean;
}

/** Matches everything. */
const anyText: TextPattern = { text: '', prefix: true };

const matchesText = (pattern: TextPattern, text: string): boolean =>
  pattern.prefix ? text.startsWith(pattern.text) : text === pattern.text;

export type ActionPattern = TextPattern;

/** `*`, `deploy.*` or `deploy.production`; `undefined` for anything else. */
export function actionPattern(source: string): ActionPattern | undefined {
  if (source === '*') return anyText;
  const prefix = source.endsWith('.*');
  const name = prefix ? source.slice(0, -2) : source;
  if (!parseActionName(name).ok) return undefined;
  return { text: prefix ? `${name}.` : name, prefix };
}

export const matchesAction = (pattern: ActionPattern, name: string): boolean => matchesText(pattern, name);

/** Type and id are compared apart: joined texts could agree where the pairs do not. */
export interface ResourcePattern {
  readonly type: TextPattern;
  readonly id: TextPattern;
}

const anyResource: ResourcePattern = { type: anyText, id: anyText };

/** `*`, `type/*`, `type/path/*`, `type/name` or a scope word; `undefined` for anything else. */
export function resourcePattern(source: string): ResourcePattern | undefined {
  if (source === '*') return anyResource;
  const prefix = source.endsWith('/*');
  // With a stand-in for the star the rest must be a resource like any other.
  const parsed = parseResource(prefix ? `${source.slice(0, -1)}x` : source);
  if (!parsed.ok) return undefined;
  const { type } = parsed.value;
  const id = prefix ? parsed.value.id.slice(0, -1) : parsed.value.id;
  if (`${type}${id}`.includes('*')) return undefined;
  return { type: { text: type, prefix: false }, id: { text: id, prefix } };
}

export const matchesResource = (pattern: ResourcePattern, resource: Resource): boolean =>
  matchesText(pattern.type, resource.type) && matchesText(pattern.id, resource.id);
