import type { PatternElem } from '@cedar-policy/cedar-wasm/nodejs';

/** Texts that must follow each other with anything between them; no backtracking, so no pattern is slow. */
function parts(pattern: readonly PatternElem[]): string[] {
  const literals = [''];
  for (const element of pattern) {
    if (element === 'Wildcard') literals.push('');
    else literals.push((literals.pop() ?? '') + element.Literal);
  }
  return literals;
}

/** Cedar's `like`: a wildcard is any text, everything else itself. */
export function wildcard(pattern: readonly PatternElem[]): (text: string) => boolean {
  const [first = '', ...rest] = parts(pattern);
  const last = rest.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    const end = text.length - last.length;
    if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    for (const part of rest) {
      // The first place is as good as any: what follows has the most room there.
      const at = text.indexOf(part, from);
      if (at < 0 || at + part.length > end) return false;
      from = at + part.length;
    }
    return from <= end;
  };
}
