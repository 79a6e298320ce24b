import { cpus, release, totalmem } from 'node:os';

/** One measured row; `ratio` is to the limit named in `against`, measured in the same run. */
export interface Row {
  readonly name: string;
  readonly value: string;
  readonly ratio?: string;
  readonly against?: string;
}

export const rate = (perSecond: number): string => `${Math.round(perSecond).toLocaleString('en-US')}/s`;
export const ratioOf = (value: number, limit: number): string => (limit > 0 ? (value / limit).toFixed(3) : 'n/a');

export const machine = () => ({
  node: process.version,
  cpu: `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}`,
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  kernel: release(),
});

export function printTable(title: string, rows: readonly Row[]): void {
  const width = Math.max(...rows.map((row) => row.name.length));
  process.stdout.write(`\n${title}\n`);
  for (const row of rows) {
    const against = row.ratio ? `   ${row.ratio} of ${row.against}` : '';
    process.stdout.write(`  ${row.name.padEnd(width)}  ${row.value}${against}\n`);
  }
}

/** The smallest value that at least this part of them does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}
