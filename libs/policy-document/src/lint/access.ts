import type { PolicyDocument } from '@gatehouse/evaluator';
import { error, type Finding } from '../finding.js';

/**
 * An address is known to decisions by a pseudonym of the whole and its domain: a pattern can name the whole address or every
 * address of a domain, and nothing in between.
 */
export function accessFindings({ rules = [] }: PolicyDocument): Finding[] {
  return rules.flatMap((rule, i) =>
    rule.type !== 'access'
      ? []
      : rule.patterns.flatMap((pattern, j) =>
          splitsAddress(pattern)
            ? [
                error(
                  'address_wildcard',
                  `rules.${i}.patterns.${j}`,
                  'may name a whole address or *@domain: the part before the @ is kept as a pseudonym',
                ),
              ]
            : [],
        ),
  );
}

function splitsAddress(pattern: string): boolean {
  const isRegex = pattern.startsWith('regex:');
  const text = isRegex ? pattern.slice('regex:'.length) : pattern;
  const at = text.lastIndexOf('@');
  if (at < 0) return false;
  const local = text.slice(text.indexOf('/') + 1, at);
  if (isRegex) return !['.*', '.+', '[^@]*', '[^@]+'].includes(local.replace(/^\^/, ''));
  return local !== '*' && /[*?[]/.test(text);
}
