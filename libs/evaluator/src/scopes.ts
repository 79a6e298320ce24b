import { actionPattern, matchesText } from './pattern.js';

/**
 * Whether a credential limited to these action patterns may do this action. No list is no limit; an empty list, and a
 * pattern that can't be read, permit nothing.
 *
 * @example isWithinScopes(['logs.*'], 'logs.read') // true
 */
export function isWithinScopes(scopes: readonly string[] | undefined, action: string): boolean {
  if (scopes === undefined) return true;
  return scopes.some((source) => {
    const pattern = actionPattern(source);
    return pattern !== undefined && matchesText(pattern, action);
  });
}
