const gap = '  ';
const bold = (text: string) => `\u001b[1m${text}\u001b[22m`;

/** What a terminal would act on is shown, not obeyed: names in the ledger come from whoever made them. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);

/**
 * Columns under headings, aligned by the widest cell; the last one is not padded.
 *
 * @example formatTable(['NAME', 'ROLE'], [['ci', 'developer']], false) // 'NAME  ROLE\nci    developer\n'
 */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[], coloured: boolean): string {
  const cells = rows.map((row) => row.map((cell) => printable(cell) || '-'));
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join(gap)
      .trimEnd();
  const title = line(head);
  return `${[coloured ? bold(title) : title, ...cells.map(line)].join('\n')}\n`;
}

/** One fact a line. */
export function formatFacts(facts: readonly (readonly [string, string | undefined])[]): string {
  const shown = facts.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}${gap}${printable(value ?? '')}\n`).join('');
}
