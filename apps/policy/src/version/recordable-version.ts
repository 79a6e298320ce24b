import type { Pepper } from '@gatehouse/crypto';
import { maskSecrets } from '@gatehouse/telemetry';
import { recordable } from '../decision/identifiers.js';
import type { VersionContent } from './version-text.js';

/** What cannot be kept: the text of a version is stored for ever, and so is what is decided by it. */
export interface KeptText {
  readonly code: 'text_not_recordable' | 'address_wildcard';
  readonly path: string;
  readonly message: string;
}

export interface RecordableVersion {
  readonly content: VersionContent;
  /** Texts that were replaced by their pseudonyms. */
  readonly replaced: number;
  readonly errors: readonly KeptText[];
}

/** What a text of a policy names. */
type Kind = 'plain' | 'value' | 'name' | 'glob' | 'cedar' | 'prefix' | 'test' | 'other';

/** Member -> what the texts below it name; a member that is not here goes on with its parent's. */
const kinds: Readonly<Record<string, Kind>> = {
  users: 'value',
  teams: 'value',
  orgs: 'value',
  subjects: 'name',
  resources: 'name',
  patterns: 'glob',
  text: 'cedar',
  // Attributes are compared in their recordable form, too.
  when: 'value',
  'resource.owner': 'name',
  prefix: 'prefix',
  labels: 'other',
  properties: 'other',
};

/**
 * The evaluator sees identifiers and attributes in their recordable form only, so a policy has to name them in the same
 * form: somebody's address is replaced by its pseudonym, which keeps the domain. Where a text is compared with nothing of
 * that kind (a description, a label), a key or an address is refused.
 */
export function recordableVersion(pepper: Pepper, content: VersionContent): RecordableVersion {
  const errors: KeptText[] = [];
  let replaced = 0;

  function text(value: string, kind: Kind, path: string): string {
    const kept = keep(pepper, value, kind);
    if (typeof kept !== 'string') {
      errors.push({ ...kept, path });
      return value;
    }
    if (kept !== value) replaced++;
    return kept;
  }

  function walk(value: unknown, kind: Kind, path: string): unknown {
    if (typeof value === 'string') return text(value, kind, path);
    if (Array.isArray(value)) return value.map((item, i) => walk(item, kind, `${path}.${i}`));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => {
        const at = path === '' ? name : `${path}.${name}`;
        // Other than in a text, a name is not replaced: rules find attributes and labels by it.
        if (maskSecrets(name) !== name) errors.push({ ...refused, path });
        return [name, walk(member, kindOf(name, kind), at)];
      }),
    );
  }

  const document = walk(content.document, 'plain', '') as VersionContent['document'];
  const actions = walk(content.actions, 'plain', 'actions') as VersionContent['actions'];
  const tests = walk(content.tests, 'test', 'tests') as VersionContent['tests'];
  return { content: { document, actions, tests }, replaced, errors };
}

const kindOf = (name: string, parent: Kind): Kind => {
  if (parent === 'test' || parent === 'other') return parent;
  return Object.hasOwn(kinds, name) ? (kinds[name] ?? parent) : parent;
};

type Kept = string | Omit<KeptText, 'path'>;

const refused: Omit<KeptText, 'path'> = {
  code: 'text_not_recordable',
  message: 'holds a key, a token or an e-mail address, and is kept for ever',
};
const wildcard: Omit<KeptText, 'path'> = {
  code: 'address_wildcard',
  message: 'an address is matched whole or by its domain (*@example.org): names are known by their pseudonyms only',
};

const idOf = (pepper: Pepper, id: string): string => recordable(pepper, { type: '', id }).id;

function keep(pepper: Pepper, value: string, kind: Kind): Kept {
  switch (kind) {
    case 'value':
    case 'name':
    case 'test':
      return idOf(pepper, value);
    case 'glob':
      return keepGlob(pepper, value);
    case 'cedar':
      return keepCedar(pepper, value);
    case 'prefix':
      // Segments above the last are whole names.
      return value.includes('@', value.lastIndexOf('/') + 1) ? wildcard : idOf(pepper, value);
    default:
      return maskSecrets(value) === value ? value : refused;
  }
}

const anyLocalPart: ReadonlySet<string> = new Set([
  '',
  '*',
  '^.*',
  '.*',
  '^.+',
  '.+',
  '^[^@]+',
  '[^@]+',
  '^[^@]*',
  '[^@]*',
]);

/** Undefined where it names part of an address. */
function keepPattern(pepper: Pepper, segment: string, wild: RegExp): string | undefined {
  const at = segment.lastIndexOf('@');
  if (at < 0 || !wild.test(segment)) return idOf(pepper, segment);
  return anyLocalPart.has(segment.slice(0, at)) ? segment : undefined;
}

/** Like names, patterns are kept segment by segment. */
function keepPath(pepper: Pepper, path: string, wild: RegExp): string | undefined {
  const kept = path.split('/').map((segment) => keepPattern(pepper, segment, wild));
  return kept.includes(undefined) ? undefined : kept.join('/');
}

function keepGlob(pepper: Pepper, value: string): Kept {
  if (!value.startsWith('regex:')) return keepPath(pepper, value, /[*?[\]]/) ?? wildcard;
  const at = value.lastIndexOf('@');
  if (at < 0) return idOf(pepper, value);
  return anyLocalPart.has(value.slice('regex:'.length, at)) ? value : wildcard;
}

/** In Cedar names and values are texts in quotation marks. What stands outside of them is compared with nothing. */
function keepCedar(pepper: Pepper, value: string): Kept {
  let isWildcard = false;
  const literal = /"((?:[^"\\]|\\.)*)"/g;
  const kept = value.replace(literal, (_all, text: string) => {
    const path = keepPath(pepper, text, /\*/);
    isWildcard ||= path === undefined;
    return `"${path ?? text}"`;
  });
  if (isWildcard) return wildcard;
  const outside = kept.replace(literal, '""');
  return maskSecrets(outside) === outside ? kept : refused;
}
