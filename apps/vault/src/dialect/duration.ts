/** Seconds of Go's units that a lease can have. */
const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Seconds of a time as Vault's clients send it: a number of seconds, or Go's form. Undefined for anything else, a fraction
 * of a second and more than a hundred years included.
 *
 * @example parseDuration('1h30m') // 5400
 * @example parseDuration(120) // 120
 */
export function parseDuration(given: string | number): number | undefined {
  const text = String(given).trim();
  const parts = [...text.matchAll(/(\d{1,10})([smhd])/g)];
  const isWhole = /^\d{1,10}$/.test(text);
  if (!isWhole && (parts.length === 0 || parts.map(([part]) => part).join('') !== text)) return undefined;
  const seconds = isWhole
    ? Number(text)
    : parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ''] ?? Number.NaN), 0);
  return seconds <= 3_155_760_000 ? seconds : undefined;
}

/** Go's text of a duration: `0s`, `1h30m0s`. */
export function durationText(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}
