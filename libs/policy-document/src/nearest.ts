/** Edits (insert, remove, replace, swap of neighbours) between two texts; `limit + 1` if there are more than `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      next.push(least);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? limit + 1;
}

const maxCompared = 64;

/** The known word that was probably meant, if one is near. */
export function nearest(word: string, known: Iterable<string>, most = 3): string | undefined {
  if (word.length > maxCompared) return undefined;
  const limit = Math.min(most, word.length < 4 ? 1 : word.length < 8 ? 2 : 3);
  let best: string | undefined;
  let least = limit + 1;
  for (const candidate of known) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase(), limit);
    if (edits < least || (edits === least && best !== undefined && candidate < best))
      [best, least] = [candidate, edits];
  }
  return least <= limit ? best : undefined;
}

/** `did you mean "x"?`, with a blank before; empty if nothing is near. */
export function suggestion(word: string, known: Iterable<string>): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`;
}
