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
