import { addressPseudonym, type Pepper, pseudonym } from '@gatehouse/crypto';
import { maskSecrets } from './mask.js';

/** Cheap and too wide: most identifiers hold none of these and are looked at no further. */
const suspicious = /@|ma[us]_|m87_|g(?:st|iv|us|sh|rt|ch|ln|v[stw])_|eyJ/;

/** Longest identifier that events and indexes take, in UTF-16 code units. */
const longestIdentifier = 512;

/** False: the text may be recorded as it is. */
export const isSuspicious = (text: string): boolean => suspicious.test(text);

function recordableSegment(pepper: Pepper, segment: string): string {
  if (!suspicious.test(segment)) return segment;
  if (segment.includes('@')) return addressPseudonym(pepper, segment);
  return maskSecrets(segment) === segment ? segment : pseudonym(pepper, segment);
}

/**
 * An identifier as it may be recorded for ever: of a path, each segment that is somebody's address, or holds a key that a
 * caller put into the wrong field, is replaced by a keyed pseudonym, the same wherever it occurs. An address keeps its
 * domain, which rules may speak of.
 *
 * Segment by segment, because decisions are made on this form: what is forbidden below `production/` is forbidden for
 * `production/ann@example.org`, too. A path that would outgrow every place for identifiers ends with one pseudonym of what
 * has no room.
 *
 * @example recordableText(pepper, 'production/DATABASE_URL') // the same
 * @example recordableText(pepper, 'production/ann@example.org') // 'production/p_Jx0…@example.org'
 */
export function recordableText(pepper: Pepper, text: string): string {
  if (!suspicious.test(text)) return text;
  const segments = text.split('/');
  const recordable = segments.map((segment) => recordableSegment(pepper, segment));
  const whole = recordable.join('/');
  return hasRoom(whole, text) ? whole : shortened(pepper, segments, recordable, longestFor(text));
}

const longestFor = (text: string): number => Math.max(longestIdentifier, text.length);
const hasRoom = (whole: string, text: string): boolean => whole.length <= longestFor(text);

/**
 * False: the form that may be recorded ends with one pseudonym of what had no room, and hides it from every pattern. Whoever
 * decides on that form refuses such a text.
 */
export function isRecordedWhole(pepper: Pepper, text: string): boolean {
  if (!suspicious.test(text)) return true;
  const whole = text.split('/').map((segment) => recordableSegment(pepper, segment));
  return hasRoom(whole.join('/'), text);
}

/** As many segments as have room together with the pseudonym of all that follow. */
function shortened(
  pepper: Pepper,
  segments: readonly string[],
  recordable: readonly string[],
  longest: number,
): string {
  const rest = (from: number) => pseudonym(pepper, segments.slice(from).join('/'));
  let room = longest - rest(0).length;
  let kept = 0;
  for (const segment of recordable) {
    room -= segment.length + 1;
    if (room < 0) break;
    kept++;
  }
  return [...recordable.slice(0, kept), rest(kept)].join('/');
}

/**
 * Every form in which a text may stand in the log: before paths were looked at by segments, one was replaced as a whole, and
 * once without its domain.
 */
export function recordedForms(pepper: Pepper, text: string): readonly string[] {
  const form = recordableText(pepper, text);
  if (form === text) return [text];
  return [...new Set([form, addressPseudonym(pepper, text), pseudonym(pepper, text)])];
}
