import { error, type Finding } from '../finding.js';
import { documentLimits } from '../limits.js';

const loneSurrogate = /\p{Cs}/u;

/** Why a scalar can't be in a policy: what has no canonical JSON form, or would change on the way there. */
export function scalarFinding(value: unknown, path: string): Finding | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return error('number_refused', path, 'must be finite');
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    return error('number_refused', path, 'is a whole number beyond 2^53, which would not stay exact');
  if (typeof value === 'string' && loneSurrogate.test(value))
    return error('text_refused', path, 'holds half a surrogate pair');
  const isScalar = value === null || ['string', 'number', 'boolean'].includes(typeof value);
  return isScalar ? undefined : error('value_wrong', path, 'is no value of JSON');
}

/** A member no object may have: what it does depends on who reads it. */
export function nameFinding(name: string, path: string): Finding | undefined {
  if (name === '__proto__') return error('member_unknown', path, 'must not be named __proto__');
  return loneSurrogate.test(name) ? error('text_refused', path, 'has half a surrogate pair in its name') : undefined;
}

export const joined = (path: string, member: string | number): string =>
  path === '' ? `${member}` : `${path}.${member}`;

/** All that keeps untyped data from being looked at as a policy: depth, size, values that JSON does not have. */
export function plainFindings(value: unknown): readonly Finding[] {
  const findings: Finding[] = [];
  let left: number = documentLimits.values;
  function visit(at: unknown, path: string, depth: number): void {
    if (--left < 0 || findings.length > 0) return;
    if (depth > documentLimits.depth) {
      findings.push(error('too_deep', path, `is nested deeper than ${documentLimits.depth}`));
    } else if (Array.isArray(at)) {
      for (const [i, item] of at.entries()) visit(item, joined(path, i), depth + 1);
    } else if (typeof at === 'object' && at !== null) {
      for (const name of Object.keys(at)) {
        const fault = nameFinding(name, joined(path, name));
        if (fault) findings.push(fault);
        else visit((at as Record<string, unknown>)[name], joined(path, name), depth + 1);
      }
    } else {
      const fault = scalarFinding(at, path);
      if (fault) findings.push(fault);
    }
  }
  visit(value, '', 1);
  if (left < 0) findings.push(error('too_large', '', `has more than ${documentLimits.values} values`));
  return findings;
}
