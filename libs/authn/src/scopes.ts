/**
 * Whether an action is inside a credential's scopes: `*`, `logs.*` (all below `logs`) or `logs.read`. Policy asks the same
 * question of every decision; this one is for what no decision is made about.
 */
export const isInScope = (scopes: readonly string[] | undefined, action: string): boolean =>
  scopes === undefined ||
  scopes.some((pattern) =>
    pattern === '*' || !pattern.endsWith('.*')
      ? pattern === '*' || pattern === action
      : action.startsWith(pattern.slice(0, -1)),
  );

/**
 * Whether everything inside `inner` is inside `outer` too. No list is no limit.
 *
 * @example coversScopes(['logs.*'], ['logs.read', 'logs.app.*']) // true
 */
export const coversScopes = (outer: readonly string[] | undefined, inner: readonly string[] | undefined): boolean =>
  outer === undefined || (inner?.every((pattern) => outer.some((wider) => covers(wider, pattern))) ?? false);

const covers = (wider: string, pattern: string): boolean =>
  wider === '*' || wider === pattern || (wider.endsWith('.*') && pattern.startsWith(wider.slice(0, -1)));
