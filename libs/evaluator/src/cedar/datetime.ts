import { add, type Long, longOf, modulo, subtract } from './long.js';

const dayMs = 86_400_000;

/** Cedar's `datetime` extension: milliseconds since 1970. */
export class Datetime {
  readonly kind = 'datetime';

  constructor(readonly ms: Long) {}

  get key(): string {
    return String(this.ms);
  }

  offset(by: Duration): Datetime | undefined {
    const ms = add(this.ms, by.ms);
    return ms === undefined ? undefined : new Datetime(ms);
  }

  since(other: Datetime): Duration | undefined {
    const ms = subtract(this.ms, other.ms);
    return ms === undefined ? undefined : new Duration(ms);
  }

  date(): Datetime | undefined {
    const ms = subtract(this.ms, modulo(this.ms, dayMs));
    return ms === undefined ? undefined : new Datetime(ms);
  }

  time(): Duration {
    return new Duration(modulo(this.ms, dayMs));
  }
}

export class Duration {
  readonly kind = 'duration';

  constructor(readonly ms: Long) {}

  get key(): string {
    return String(this.ms);
  }
}

const dateTime =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?$/;

function dateMs(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  // Date.UTC takes years below 100 for those of the last century.
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

/** `2026-11-22`, or with a time and `Z` or an offset: `2026-11-22T09:30:00Z`, `2026-11-22T09:30:00.250+0100`. */
export function parseDatetime(text: string): Datetime | undefined {
  const found = dateTime.exec(text);
  if (!found) return undefined;
  const at = (group: number): number => Number(found[group] ?? 0);
  const date = dateMs(at(1), at(2), at(3));
  if (date === undefined || at(4) > 23 || at(5) > 59 || at(6) > 59 || at(9) > 23 || at(10) > 59) return undefined;
  const time = (at(4) * 3_600 + at(5) * 60 + at(6)) * 1_000 + at(7);
  const offset = (at(9) * 3_600 + at(10) * 60) * 1_000;
  return new Datetime(date + time + (found[8] === '+' ? -offset : offset));
}

const duration = /^(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/;
const unitMs = [86_400_000n, 3_600_000n, 60_000n, 1_000n, 1n];

/** `1d2h30m`, `-500ms`: each unit at most once, the larger first. */
export function parseDuration(text: string): Duration | undefined {
  if (text === '' || text === '-') return undefined;
  const [, sign, ...quantities] = duration.exec(text) ?? [];
  if (sign === undefined) return undefined;
  let sum = 0n;
  for (const [i, unit] of unitMs.entries()) {
    const digits = quantities[i]?.replace(/^0+/, '') ?? '';
    if (digits.length > 20) return undefined;
    sum += BigInt(digits) * unit;
  }
  const ms = longOf(sign ? -sum : sum);
  return ms === undefined ? undefined : new Duration(ms);
}
