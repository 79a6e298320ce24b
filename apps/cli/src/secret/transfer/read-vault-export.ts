import { eachPathOnce, type ImportEntry, isRecord, wrongFile } from './entry.js';

type Json = Readonly<Record<string, unknown>>;

/**
 * JSON of Vault's KV engine: one answer of `vault kv get -format=json` (version 2 or 1), a list of those, or a tree in which
 * the members are segments of paths and the leaves such answers, or plain objects of values.
 *
 * @param name path of an answer that does not say its own
 * @throws Failure
 */
export function readVaultExport(text: string, name: string | undefined): readonly ImportEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrongFile('the file is not JSON');
  }
  if (!isRecord(value) && !Array.isArray(value)) throw wrongFile('the file is no export of Vault');
  return eachPathOnce(
    Array.isArray(value) ? value.flatMap(itemOf) : entriesOf(value, name === undefined ? [] : [name]),
  );
}

function itemOf(item: unknown, i: number): ImportEntry[] {
  const path = isRecord(item) ? item.path : undefined;
  if (!isRecord(item) || typeof path !== 'string' || path === '')
    throw wrongFile(`item ${i + 1} of the list has no path`);
  return entriesOf(item, [path.replace(/^\/+|\/+$/g, '')]);
}

const maxDepth = 64;

function entriesOf(node: Json, at: readonly string[]): ImportEntry[] {
  if (at.length > maxDepth) throw wrongFile(`more than ${maxDepth} levels`);
  const answer = answerOf(node);
  const path = at.join('/');
  if (answer) {
    if (path === '') throw wrongFile('the answer does not say its path: give it with --name');
    return [{ path, ...answer }];
  }
  const members = Object.entries(node);
  const isTree = members.length > 0 && members.every(([, child]) => isRecord(child));
  if (isTree) return members.flatMap(([segment, child]) => entriesOf(child as Json, [...at, ...segmentsOf(segment)]));
  if (path === '') throw wrongFile('the values at the top have no path: give it with --name');
  return [{ path, data: node }];
}

/** `foo/` is how Vault lists a folder. */
const segmentsOf = (text: string): string[] => text.split('/').filter((segment) => segment !== '');

/** Version 2 has data and metadata in `data`; version 1 the values, beside a request id or a lease. */
function answerOf(node: Json): Pick<ImportEntry, 'data' | 'customMetadata'> | undefined {
  const { data } = node;
  if (!isRecord(data)) return undefined;
  const { metadata } = data;
  if (isRecord(metadata) && 'version' in metadata) {
    // A version that was deleted has no values to take over.
    if (!isRecord(data.data)) throw wrongFile('an answer holds a version that was deleted');
    const custom = metadata.custom_metadata;
    return { data: data.data, ...(isTexts(custom) && { customMetadata: custom }) };
  }
  const isAnswer = ['request_id', 'lease_id', 'lease_duration', 'renewable', 'path'].some((member) => member in node);
  return isAnswer || Object.keys(node).length === 1 ? { data } : undefined;
}

const isTexts = (value: unknown): value is Record<string, string> =>
  isRecord(value) && Object.keys(value).length > 0 && Object.values(value).every((item) => typeof item === 'string');
