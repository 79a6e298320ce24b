import type { PolicyDocument } from '@gatehouse/evaluator';
import { type Unplaced, warning } from '../finding.js';

const words =
  'is not in Unicode normal form C: it looks like a name that is, and is another one; no path of a secret is written like this';

const isNormal = (text: string): boolean => text.normalize('NFC') === text;

/**
 * Names that are compared as they are written, and of which there is a second form that looks the same: an "é" may be one
 * character or two. A rule about the other form matches nothing.
 */
export function normalFormFindings({ roles = [], rules = [] }: PolicyDocument): Unplaced[] {
  return [...findingsIn(roles, 'roles'), ...findingsIn(rules, 'rules')];
}

function findingsIn(value: unknown, path: string): Unplaced[] {
  if (typeof value === 'string')
    return isNormal(value) ? [] : [{ ...warning('other_form', path, words), ...within(value) }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const at = `${path}.${name}`;
    return [...(isNormal(name) ? [] : [warning('other_form', at, words)]), ...findingsIn(member, at)];
  });
}

/** Of a text of several lines, such as Cedar's: the first that is meant. */
function within(text: string): Pick<Unplaced, 'within'> {
  const lines = text.split('\n');
  if (lines.length === 1) return {};
  return { within: { line: lines.findIndex((line) => !isNormal(line)) + 1, column: 1 } };
}
