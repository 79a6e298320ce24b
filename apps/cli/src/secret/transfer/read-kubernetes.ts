import { parseAllDocuments } from 'yaml';
import { dataOf } from '../secret-input.js';
import { eachPathOnce, type ImportEntry, isRecord, wrongFile } from './entry.js';

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Secrets of Kubernetes manifests, several documents and lists of them included. Each member of `data` and `stringData` becomes
 * a secret of its own at `<name of the Secret>/<member>`; its type and namespace are kept as custom metadata. Other kinds
 * are left out.
 *
 * @throws Failure that names Secrets and members
 */
export function readKubernetes(text: string): readonly ImportEntry[] {
  const documents = parseAllDocuments(text, { prettyErrors: false, logLevel: 'silent', uniqueKeys: true });
  return eachPathOnce(
    documents.flatMap((document, i) => {
      const [error] = document.errors;
      if (error) throw wrongFile(`document ${i + 1} is not YAML (${error.code} at character ${error.pos[0]})`);
      return manifestsIn(plain(document, i)).flatMap(entriesOf);
    }),
  );
}

function plain(document: { toJS(options: { maxAliasCount: number }): unknown }, i: number): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    throw wrongFile(`document ${i + 1} has aliases that cannot be resolved`);
  }
}

type Manifest = Readonly<Record<string, unknown>>;

function manifestsIn(value: unknown): readonly Manifest[] {
  if (!isRecord(value)) return [];
  if (/(^|[a-z])List$/.test(String(value.kind)) && Array.isArray(value.items)) return value.items.flatMap(manifestsIn);
  return value.kind === 'Secret' && value.apiVersion === 'v1' ? [value] : [];
}

function entriesOf(manifest: Manifest): ImportEntry[] {
  const metadata = isRecord(manifest.metadata) ? manifest.metadata : {};
  const { name, namespace } = metadata;
  if (typeof name !== 'string' || name === '') throw wrongFile('a Secret has no metadata.name');
  const customMetadata = {
    kubernetes_type: typeof manifest.type === 'string' ? manifest.type : 'Opaque',
    ...(typeof namespace === 'string' && { kubernetes_namespace: namespace }),
  };
  // `stringData` overrules `data`, as in Kubernetes.
  const values = new Map<string, Uint8Array>();
  for (const [key, value] of membersOf(manifest.data, `${name}.data`))
    values.set(key, decoded(value, `${name}.data.${key}`));
  for (const [key, value] of membersOf(manifest.stringData, `${name}.stringData`))
    values.set(key, Buffer.from(value, 'utf8'));
  return [...values].map(([key, bytes]) => ({ path: `${name}/${key}`, data: dataOf(bytes), customMetadata }));
}

function membersOf(value: unknown, at: string): [string, string][] {
  if (value === undefined || value === null) return [];
  if (!isRecord(value)) throw wrongFile(`${at} is no object`);
  return Object.entries(value).map(([key, text]) => {
    if (typeof text !== 'string') throw wrongFile(`${at}.${key} is no text`);
    return [key, text];
  });
}

function decoded(text: string, at: string): Buffer {
  const compact = text.replace(/\s/g, '');
  if (!base64.test(compact)) throw wrongFile(`${at} is not base64`);
  return Buffer.from(compact, 'base64');
}
