import { type Position, parsePosition } from '@gatehouse/contracts';

/** A moment of the past: a place in the log, or a time in microseconds since 1970, as PostgreSQL keeps it. */
export type Moment =
  | { readonly kind: 'position'; readonly position: Position }
  | { readonly kind: 'time'; readonly us: number };

const timePattern = /^(\d{4}-\d{2}-\d{2})(?:[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2}))?$/;
const positionPattern = /^\d{1,20}\.\d{1,19}$/;

/**
 * A position (`812.40`), a time of RFC 3339 (`2026-11-01T09:30:00Z`, what is finer than a microsecond is cut off), or a
 * date, which is its beginning in UTC. Undefined for anything else, and for days that no calendar has.
 *
 * @example parseAsOf('2026-11-01') // { kind: 'time', us: 1793491200000000 }
 */
export function parseAsOf(text: string): Moment | undefined {
  if (positionPattern.test(text)) return { kind: 'position', position: parsePosition(text) };
  const [, date, time = '00:00:00', fraction = '', zone = 'Z'] = timePattern.exec(text) ?? [];
  if (!date) return undefined;
  const day = Date.parse(`${date}T00:00:00Z`);
  // Date.parse takes 31 February for 3 March.
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) return undefined;
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(ms) || time.startsWith('24')) return undefined;
  return { kind: 'time', us: ms * 1_000 + Number(fraction.slice(0, 6).padEnd(6, '0')) };
}
