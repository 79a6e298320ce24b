/** How many letters are wrong, missing, too many, or exchanged with their neighbour (optimal string alignment). */
function distance(one: string, other: string): number {
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const at = (line: readonly number[], index: number) => line[index] ?? 0;
      row[j] = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (isSame ? 0 : 1),
        ...(isSwapped ? [at(before, j - 2) + 1] : []),
      );
    }
    [before, last] = [last, row];
  }
  return last[other.length] ?? 0;
}

/** The known word that was probably meant: one letter in three may be wrong. @example nearWord('kyes', ['keys']) // 'keys' */
export function nearWord(typed: string, known: Iterable<string>): string | undefined {
  // Longer words are no commands of ours, and take long to compare.
  if (typed.length > 32) return undefined;
  const ranked = [...known].map((word) => ({ word, wrong: distance(typed, word) })).sort((a, b) => a.wrong - b.wrong);
  return ranked.find(({ word, wrong }) => wrong * 3 <= Math.max(typed.length, word.length))?.word;
}
