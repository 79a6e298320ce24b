import { createHash } from 'node:crypto';
import { canonicalJson } from '@gatehouse/crypto';
import type { PolicyDocument } from '@gatehouse/evaluator';
import type { PolicyTest } from '@gatehouse/policy-document';

/** A version: what decides, and what it was written with. */
export interface VersionContent {
  readonly document: PolicyDocument;
  /** The actions that its author declared for his own services. */
  readonly actions: readonly string[];
  /** What it has to answer before it may be activated. */
  readonly tests: readonly PolicyTest[];
}

/** The one text of a version, whatever order its members came in (RFC 8785). Its tests are part of it. */
export const textOf = ({ document, actions, tests }: VersionContent): string =>
  canonicalJson({ ...document, ...(actions.length > 0 && { actions }), ...(tests.length > 0 && { tests }) });

/** Names a version: anybody who has its text can compute it. */
export const digestOfText = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** Reverse of {@link textOf}. @throws SyntaxError for a text that is not ours */
export function contentOf(text: string): VersionContent {
  const { actions = [], tests = [], ...document } = JSON.parse(text) as PolicyDocument & Partial<VersionContent>;
  return { document, actions, tests };
}
