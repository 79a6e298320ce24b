import { Lexer } from 'yaml';
import { error, type Finding } from '../finding.js';
import { documentLimits } from '../limits.js';

/**
 * Why a text is not worth parsing. Splitting it into tokens takes a tenth of the time, and the parser itself goes down one
 * call a level.
 */
export function tokenFinding(text: string): Finding | undefined {
  let tokens = 0;
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    if (++tokens > documentLimits.tokens)
      return error('too_large', '', `has more than ${documentLimits.tokens} tokens`);
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > documentLimits.depth) return error('too_deep', '', `is nested deeper than ${documentLimits.depth}`);
  }
  return undefined;
}
