import { type NearMissKind, nearMissOf, secretNameIn } from './reference.js';

/** Members and places in lists, from the root of a document. */
export type Place = readonly (string | number)[];

export interface FoundReference {
  readonly name: string;
  readonly place: Place;
}

export interface NearMiss {
  readonly kind: NearMissKind;
  readonly place: Place;
}

export interface References {
  readonly references: readonly FoundReference[];
  readonly nearMisses: readonly NearMiss[];
}

const maxDepth = 512;

export class TooDeepError extends Error {
  override readonly name = 'TooDeepError';
}

/** What the walk over a value meets. A returned value replaces the text. */
interface Visitor {
  text(text: string, place: Place): string;
  key?(key: string, place: Place): void;
}

/** A copy of a JSON value, with every text as the visitor has it. @throws TooDeepError beyond 512 levels */
export function mapTexts(value: unknown, visitor: Visitor, place: Place = []): unknown {
  if (place.length > maxDepth) throw new TooDeepError(`more than ${maxDepth} levels`);
  if (typeof value === 'string') return visitor.text(value, place);
  if (Array.isArray(value)) return value.map((item, i) => mapTexts(item, visitor, [...place, i]));
  if (typeof value !== 'object' || value === null) return value;
  // `fromEntries` defines members: one called `__proto__` stays a member.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      visitor.key?.(key, place);
      return [key, mapTexts(item, visitor, [...place, key])];
    }),
  );
}

/**
 * The references in a JSON value, and what was probably meant as one. A name that stands several times is told each time.
 *
 * @example findReferences({ db: { password: '{{ secret.DB }}' } }).references // [{ name: 'DB', place: ['db', 'password'] }]
 */
export function findReferences(value: unknown): References {
  const references: FoundReference[] = [];
  const nearMisses: NearMiss[] = [];
  mapTexts(value, {
    text: (text, place) => {
      const kind = nearMissOf(text);
      const name = secretNameIn(text);
      if (kind !== undefined) nearMisses.push({ kind, place });
      else if (name !== undefined) references.push({ name, place });
      return text;
    },
    key: (key, place) => {
      if (secretNameIn(key) !== undefined || nearMissOf(key) !== undefined)
        nearMisses.push({ kind: 'key', place: [...place, key] });
    },
  });
  return { references, nearMisses };
}

/**
 * A place as people write it.
 *
 * @example formatPlace(['db', 'hosts', 0, 'user name']) // 'db.hosts[0]["user name"]'
 */
export const formatPlace = (place: Place): string =>
  place
    .map((step, i) => {
      if (typeof step === 'number') return `[${step}]`;
      if (/^[A-Za-z_][\w-]{0,127}$/.test(step)) return i === 0 ? step : `.${step}`;
      return `[${JSON.stringify(step.length > 128 ? `${step.slice(0, 128)}...` : step)}]`;
    })
    .join('') || 'the root';
