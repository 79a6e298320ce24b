import { type PolicyDocument, policyErrors } from '@gatehouse/evaluator';
import { error, type Finding } from '../finding.js';
import { accessFindings } from './access.js';
import { actionFindings } from './actions.js';
import { contradictionFindings } from './contradictions.js';
import type { LintOptions } from './lint-options.js';
import { nameFindings } from './names.js';
import { viewsOf } from './rule-view.js';
import { patternConflicts, shadowFindings } from './shadows.js';
import { targetFindings } from './targets.js';

/** All that is wrong with the sense of a policy whose shape is right, or doubtful. Paths are the document's. */
export function lintPolicy(document: PolicyDocument, options: LintOptions = {}): readonly Finding[] {
  const own = [...nameFindings(document), ...accessFindings(document), ...contradictionFindings(document)];
  const faults = [...own, ...compilerFindings(document, own)];
  // Of a document that can't be compiled not every rule can be compared.
  if (faults.length > 0) return faults;
  const views = viewsOf(document);
  return [
    ...patternConflicts(views, options),
    ...shadowFindings(views, options),
    ...actionFindings(document, options.actions),
    ...targetFindings(document),
  ];
}

/** What keeps the document from being compiled, but for what was told better. */
function compilerFindings(document: PolicyDocument, told: readonly Finding[]): Finding[] {
  const paths = new Set(told.map(({ path }) => path));
  return policyErrors(document)
    .filter(({ path }) => !paths.has(path))
    .map(({ path, message }) => error('rule_invalid', path, message));
}
