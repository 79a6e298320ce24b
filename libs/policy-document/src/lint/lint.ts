import { type PolicyDocument, policyErrors } from '@gatehouse/evaluator';
import { error, type Finding, type Unplaced } from '../finding.js';
import { accessFindings } from './access.js';
import { actionFindings } from './actions.js';
import { cedarFindings } from './cedar.js';
import { contradictionFindings } from './contradictions.js';
import type { LintOptions } from './lint-options.js';
import { nameFindings } from './names.js';
import { normalFormFindings } from './normal-form.js';
import { viewsOf } from './rule-view.js';
import { patternConflicts, shadowFindings } from './shadows.js';
import { targetFindings } from './targets.js';

/** All that is wrong with the sense of a policy whose shape is right, or doubtful. Paths are the document's. */
export function lintPolicy(document: PolicyDocument, options: LintOptions = {}): readonly Unplaced[] {
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
    ...cedarFindings(document),
    ...normalFormFindings(document),
  ];
}

/** What keeps the document from being compiled, but for what was told better. */
function compilerFindings(document: PolicyDocument, told: readonly Finding[]): Unplaced[] {
  const paths = new Set(told.map(({ path }) => path));
  return policyErrors(document)
    .filter(({ path }) => !paths.has(path))
    .map(({ path, message }) => ({ ...error('rule_invalid', path, message), ...placeWithin(path, message) }));
}

/** The evaluator puts `line:column` of a Cedar text before the words. */
function placeWithin(path: string, said: string): Pick<Unplaced, 'within'> & { message?: string } {
  const [, line, column, message] = (path.endsWith('.text') && /^(\d+):(\d+) (.*)$/s.exec(said)) || [];
  return message === undefined ? {} : { message, within: { line: Number(line), column: Number(column) } };
}
