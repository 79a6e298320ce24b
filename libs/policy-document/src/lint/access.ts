import type { PolicyDocument } from '@gatehouse/evaluator';
import { RE2JS } from 're2js';
import { error, type Finding } from '../finding.js';

const regexPrefix = 'regex:';

/** What is wrong with the patterns of names, and why. */
export function accessFindings({ rules = [] }: PolicyDocument): Finding[] {
  return rules.flatMap((rule, i) =>
    rule.type !== 'access'
      ? []
      : rule.patterns.flatMap((pattern, j) => patternFinding(pattern, `rules.${i}.patterns.${j}`) ?? []),
  );
}

function patternFinding(pattern: string, path: string): Finding | undefined {
  const fault = pattern.startsWith(regexPrefix) ? regexFault(pattern.slice(regexPrefix.length)) : undefined;
  if (fault) return error('rule_invalid', path, `is no regular expression of RE2: ${fault}`);
  if (!splitsAddress(pattern)) return undefined;
  const words = 'may name a whole address or *@domain: the part before the @ is known by a pseudonym alone';
  return error('address_wildcard', path, words);
}

/** RE2 takes time in proportion to the text, so it has no look-around and no references back. */
function regexFault(source: string): string | undefined {
  try {
    RE2JS.compile(source, RE2JS.CASE_INSENSITIVE);
    return undefined;
  } catch (cause) {
    return (cause as Error).message.replace(/^error parsing regexp: /, '').slice(0, 200);
  }
}

/**
 * An address is known to decisions by a pseudonym of the whole and its domain: a pattern can name the whole address or
 * every address of a domain, and nothing in between.
 */
function splitsAddress(pattern: string): boolean {
  const isRegex = pattern.startsWith(regexPrefix);
  const text = isRegex ? pattern.slice(regexPrefix.length) : pattern;
  const at = text.lastIndexOf('@');
  if (at < 0) return false;
  const local = text.slice(text.indexOf('/') + 1, at);
  if (isRegex) return !['.*', '.+', '[^@]*', '[^@]+'].includes(local.replace(/^\^/, ''));
  return local !== '*' && /[*?[]/.test(text);
}
