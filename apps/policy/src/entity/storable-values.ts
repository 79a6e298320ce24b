import type { Pepper } from '@gatehouse/crypto';
import type { FieldError } from '@gatehouse/evaluator';
import { maskSecrets } from '@gatehouse/telemetry';
import { recordable } from '../decision/identifiers.js';

/** Bounds beside those of the evaluator: deepest nesting, and the lengths of names and of the value of a label. */
export const valueLimits = { depth: 8, nameChars: 128, labelChars: 128 } as const;

const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
/** Lines may break in a text; NUL can't be stored, half a surrogate pair has no canonical JSON. */
const unstorable = /[\0\p{Cs}]/u;
const address = /^[^\s@:/]+@[^\s@:/]+$/;

/** Facts are recorded for ever: a text that is an address is replaced as an identifier would be, so that the two compare. */
function storableText(pepper: Pepper, text: string, fault: (message: string) => void): string {
  if (unstorable.test(text)) fault('must not hold NUL or half a surrogate pair');
  if (address.test(text)) return recordable(pepper, { type: 'value', id: text }).id;
  if (maskSecrets(text) !== text) fault('holds a key or an address: facts are recorded for ever, so name it by an id');
  return text;
}

/** The values of properties as they may be recorded. What is wrong with them is added to `errors`. */
export function storableProperties(
  pepper: Pepper,
  properties: Readonly<Record<string, unknown>>,
  path: string,
  errors: FieldError[],
): Record<string, unknown> {
  const read = (value: unknown, at: string, depth: number): unknown => {
    const fault = (message: string) => void errors.push({ path: at, message });
    if (depth > valueLimits.depth) return fault(`is nested deeper than ${valueLimits.depth}`);
    if (typeof value === 'string') return storableText(pepper, value, fault);
    if (typeof value === 'number' && !Number.isFinite(value)) return fault('must be a finite number');
    if (Array.isArray(value)) return value.map((each, i) => read(each, `${at}.${i}`, depth + 1));
    if (typeof value !== 'object' || value === null) return value;
    const names = Object.entries(value).map(([name, each]) => {
      if (isName(name)) return [name, read(each, `${at}.${name}`, depth + 1)] as const;
      // Not the name itself: callers put keys into the strangest places.
      fault(`has a name that is not 1 to ${valueLimits.nameChars} printable characters, or holds a key or an address`);
      return ['', null] as const;
    });
    return Object.fromEntries(names);
  };
  return read(properties, path, 0) as Record<string, unknown>;
}

const isName = (name: string): boolean =>
  name !== '' &&
  name.length <= valueLimits.nameChars &&
  !unprintable.test(name) &&
  !name.includes('@') &&
  maskSecrets(name) === name;

const labelKey = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,62}$/;

/** Labels as they may be recorded. What is wrong with them is added to `errors`. */
export function storableLabels(
  pepper: Pepper,
  labels: Readonly<Record<string, string>>,
  path: string,
  errors: FieldError[],
): Record<string, string> {
  const entries = Object.entries(labels).map(([key, value]) => {
    const at = labelKey.test(key) && maskSecrets(key) === key ? `${path}.${key}` : path;
    const fault = (message: string) => void errors.push({ path: at, message });
    if (at === path) fault('has a key that is not 1 to 63 of letters, digits and _.:/-');
    if (value.length > valueLimits.labelChars) fault(`must have at most ${valueLimits.labelChars} characters`);
    else if (unprintable.test(value)) fault('must not hold control characters or half a surrogate pair');
    else return [key, storableText(pepper, value, fault)] as const;
    return [key, ''] as const;
  });
  return Object.fromEntries(entries);
}
