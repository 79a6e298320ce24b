import { type PolicyDocument, policyErrors } from '@gatehouse/evaluator';
import { error, type Finding } from '../finding.js';
import { accessFindings } from './access.js';
import type { LintOptions } from './lint-options.js';
import { nameFindings } from './names.js';

/** All that is wrong with the sense of a policy whose shape is right, or doubtful. Paths are the document's. */
export function lintPolicy(document: PolicyDocument, _options: LintOptions = {}): readonly Finding[] {
  const own = [...nameFindings(document), ...accessFindings(document)];
  return [...own, ...compilerFindings(document, own)];
}

/** What keeps the document from being compiled, but for what was told better. */
function compilerFindings(document: PolicyDocument, told: readonly Finding[]): Finding[] {
  const paths = new Set(told.map(({ path }) => path));
  return policyErrors(document)
    .filter(({ path }) => !paths.has(path))
    .map(({ path, message }) => error('rule_invalid', path, message));
}
