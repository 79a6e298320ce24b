import { pythonSpace } from './python-text.js';

/** Names that can be mounted and referenced. */
export const secretNamePattern = /^[A-Za-z0-9_]{1,128}$/;

const space = `[${pythonSpace}]*`;
/** On the whole string, as make87's SDKs have it; what ends it can't be a new line, which is white space already. */
const reference = new RegExp(`^${space}\\{\\{${space}secret\\.([A-Za-z0-9_]+)${space}\\}\\}${space}$`);

/**
 * The name in a reference `{{ secret.NAME }}`; undefined for every other text.
 *
 * @example secretNameIn('{{ secret.DB_PASSWORD }}') // 'DB_PASSWORD'
 */
export const secretNameIn = (text: string): string | undefined => reference.exec(text)?.[1];

/** Why a text that looks like a reference is none, or is not resolved where it stands. */
export type NearMissKind =
  | 'plural'
  | 'case'
  | 'name'
  | 'blank'
  | 'several'
  | 'embedded'
  | 'braces'
  | 'invisible'
  | 'too_long'
  | 'key'
  | 'outside';

export const nearMissTexts: Readonly<Record<NearMissKind, string>> = {
  plural: 'it says "secrets.": a reference begins with "secret."',
  case: 'a reference begins with "secret." in small letters',
  name: 'a name has letters, digits and underscores alone, and at least one',
  blank: 'there is no blank beside the dot of "secret.NAME"',
  several: 'a string holds one reference: give each secret a string of its own',
  embedded: 'a reference is the whole string: put the whole text into a secret',
  braces: 'a reference has two braces on each side',
  invisible: 'an invisible character (a byte order mark, a zero-width space) stands in it or beside it',
  too_long: 'a name has at most 128 characters',
  key: 'references in the names of members are not resolved',
  outside: 'references are resolved in "config" alone',
};

const invisible = /[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]/g;

/** What is wrong with a text that was probably meant as a reference; undefined when nothing is, or nothing was meant. */
export function nearMissOf(text: string): NearMissKind | undefined {
  const name = secretNameIn(text);
  if (name !== undefined) return name.length > 128 ? 'too_long' : undefined;
  if (!/secret/i.test(text) || !/[{}]/.test(text)) return undefined;
  const plain = text.replace(invisible, '');
  if (plain !== text && secretNameIn(plain) !== undefined) return 'invisible';
  return kindOf(plain);
}

function kindOf(text: string): NearMissKind | undefined {
  const inner = [...text.matchAll(/\{\{([^{}]*)\}\}/g)].map(([, words = '']) => words.trim());
  const meant = inner.filter((words) => /^secrets?\b|(^|[^A-Za-z0-9_])secrets?\s*\./i.test(words));
  if (meant.length > 1) return 'several';
  const [words] = meant;
  if (words === undefined)
    return /\{\s*secrets?\s*\.|\bsecrets?\.[A-Za-z0-9_]+\s*\}/i.test(text) ? 'braces' : undefined;
  if (!/^\s*\{\{[^{}]*\}\}\s*$/.test(text))
    return /^\s*\{{3,}[^{}]*\}{2,}\s*$|^\s*\{{2,}[^{}]*\}{3,}\s*$/.test(text) ? 'braces' : 'embedded';
  if (/^secrets\s*\./i.test(words)) return 'plural';
  if (/^secret(\s+\.|\s*\.\s+)/i.test(words)) return 'blank';
  if (!words.startsWith('secret') && /^secret\s*\./i.test(words)) return 'case';
  return 'name';
}
