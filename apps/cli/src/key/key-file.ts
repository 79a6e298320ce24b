import { parseDocument } from 'yaml';
import { usageFailure } from '../failure.js';

/** A key as a file of Marie has it. */
export interface FileKey {
  readonly name: string;
  readonly key: string;
  readonly enabled: boolean;
  readonly roles: readonly string[];
}

const keyPattern = /^ma[su]_[A-Za-z0-9_-]{54}$/;
const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const rolePattern = /^[a-z][a-z0-9-]{0,62}$/;
const maxBytes = 1024 * 1024;

/**
 * The keys of a configuration of Marie: `auth.keys[] {name, api_key, enabled?, roles?}`, at the top or below `with`. What
 * is wrong is said by place and name; no message ever holds a key. @throws Failure for a file that is not like that
 */
export function readKeyFile(text: string): readonly FileKey[] {
  if (Buffer.byteLength(text) > maxBytes) throw usageFailure('the file is larger than 1 MiB');
  const items = listOf(parse(text));
  const problems = [...items.flatMap(problemsOf), ...repeated(items, 'name'), ...repeated(items, 'api_key')];
  if (problems.length > 0) throw usageFailure(`the file is not imported: ${problems.join('; ')}`);
  return items.map((item) => ({
    name: String(item.name),
    key: String(item.api_key),
    enabled: readEnabled(item.enabled) ?? true,
    roles: (item.roles as readonly string[] | undefined) ?? [],
  }));
}

type Item = Readonly<Record<string, unknown>>;

/** The library's own messages show the line they complain about, with the key that stands in it. */
function parse(text: string): unknown {
  const document = parseDocument(text, { merge: true, prettyErrors: false, logLevel: 'silent' });
  const [error] = document.errors;
  if (error) throw usageFailure(`the file is not YAML (${error.code} at character ${error.pos[0]})`);
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    throw usageFailure('the file has aliases that cannot be resolved');
  }
}

function listOf(root: unknown): readonly Item[] {
  const found = [record(record(root).auth).keys, record(record(record(root).with).auth).keys].filter(
    (keys) => keys !== undefined,
  );
  if (found.length === 0) throw usageFailure('the file has no auth.keys, neither at the top nor below with');
  if (found.length > 1) throw usageFailure('the file has auth.keys twice, at the top and below with: keep one');
  const [keys] = found;
  if (!Array.isArray(keys) || keys.length === 0) throw usageFailure('auth.keys is not a list of keys');
  return keys.map(record);
}

function problemsOf(item: Item, i: number): readonly string[] {
  const { name, api_key: key, enabled, roles = [] } = item;
  const named = typeof name === 'string' && namePattern.test(name);
  const wrong = [
    !named && 'its name is not lower-case letters, digits and hyphens, at most 63',
    !(typeof key === 'string' && keyPattern.test(key)) && 'its api_key is no key (mas_ or mau_ and 54 characters)',
    enabled !== undefined && readEnabled(enabled) === undefined && 'its enabled is neither a boolean nor a word',
    !(Array.isArray(roles) && roles.every((role) => typeof role === 'string' && rolePattern.test(role))) &&
      'its roles are not a list of role names',
  ];
  return wrong.flatMap((text) => (text === false ? [] : [`${placeOf(i)}${named ? ` (${name})` : ''}: ${text}`]));
}

function repeated(items: readonly Item[], field: 'name' | 'api_key'): readonly string[] {
  return items.flatMap((item, i) => {
    const first = items.findIndex((other) => other[field] === item[field]);
    return item[field] !== undefined && first < i ? [`${placeOf(i)} has the ${field} of ${placeOf(first)}`] : [];
  });
}

const placeOf = (i: number): string => `key ${i + 1}`;

/** Marie takes these words for yes and every other for no. */
function readEnabled(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return typeof value === 'string' ? ['yes', 'y', 'true', 't', '1'].includes(value.toLowerCase()) : undefined;
}

const record = (value: unknown): Item =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Item) : {};
