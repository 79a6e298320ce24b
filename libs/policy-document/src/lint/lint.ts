import type { PolicyDocument } from '@gatehouse/evaluator';
import type { Finding } from '../finding.js';
import { accessFindings } from './access.js';
import type { LintOptions } from './lint-options.js';
import { nameFindings } from './names.js';

/** All that is wrong with the sense of a policy whose shape is right, or doubtful. Paths are the document's. */
export function lintPolicy(document: PolicyDocument, _options: LintOptions = {}): readonly Finding[] {
  return [...nameFindings(document), ...accessFindings(document)];
}
