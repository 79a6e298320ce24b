/** `*`, `deploy.*`, `deploy.production`: the same words as in roles (libs/evaluator). */
const patternText = /^(\*|[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*(\.\*)?)$/;

export const isActionPattern = (text: string): boolean => text.length <= 128 && patternText.test(text);

/** Whether everything that `inner` matches is matched by `outer`. */
export function covers(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true;
  return outer.endsWith('.*') && inner.startsWith(outer.slice(0, -1));
}

const coveredByAny = (outer: readonly string[], inner: string): boolean =>
  outer.some((pattern) => covers(pattern, inner));

/** What of `asked` lies within `allowed`. A pattern that is wider than every allowed one is left out, never cut down. */
export const within = (allowed: readonly string[], asked: Iterable<string>): readonly string[] =>
  [...new Set(asked)].filter((pattern) => isActionPattern(pattern) && coveredByAny(allowed, pattern));
