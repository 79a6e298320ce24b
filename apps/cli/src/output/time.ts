const two = (value: number): string => String(value).padStart(2, '0');

/**
 * RFC 3339 to the second, in local time with its offset, or in UTC. Text that is no time stays as it is.
 *
 * @example formatTime('2026-11-22T03:04:05.678Z', true) // '2026-11-22T03:04:05Z'
 */
export function formatTime(text: string, utc: boolean): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return text;
  if (utc) return `${time.toISOString().slice(0, 19)}Z`;
  const offset = -time.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date}T${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}${zone}`;
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds of `90d`, `12h`, `30m`; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ''] = /^([1-9]\d{0,5})([smhdw])$/.exec(text) ?? [];
  const factor = unitMs[unit];
  return count === undefined || factor === undefined ? undefined : Number(count) * factor;
}

/** A moment as the services take it: RFC 3339 with an offset. Undefined for any other text. */
export function parseInstant(text: string): string | undefined {
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const time = new Date(text);
  return isInstant && !Number.isNaN(time.getTime()) ? time.toISOString() : undefined;
}
