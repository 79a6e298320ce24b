import { resourceOf as transitKey } from '../../transit/transit.js';

/** What a caller may do at a path, in Vault's word, and the decision that says so. */
export interface Capability {
  readonly capability: 'create' | 'read' | 'update' | 'patch' | 'delete' | 'list';
  readonly action: string;
  readonly resource: string;
}

interface Row {
  readonly path: RegExp;
  readonly resource: (name: string) => string;
  readonly actions: Readonly<Partial<Record<Capability['capability'], string>>>;
}

const secret = (path: string): string => (path === '' ? 'tenant/secrets' : `secret/${path.replace(/\/$/, '')}`);
const writes = (action: string) => ({ create: action, update: action, patch: action });

/** Paths of the dialect without `/v1/`, and what they ask. What is not here is denied. */
const rows: readonly Row[] = [
  {
    path: /^secret\/data\/(.+)$/,
    resource: secret,
    actions: { ...writes('secret.write'), read: 'secret.read', delete: 'secret.delete' },
  },
  {
    path: /^secret\/metadata\/?(.*)$/,
    resource: secret,
    actions: { ...writes('secret.write'), read: 'secret.list', delete: 'secret.delete', list: 'secret.list' },
  },
  { path: /^secret\/subkeys\/(.+)$/, resource: secret, actions: { read: 'secret.read' } },
  { path: /^secret\/(?:delete|undelete|destroy)\/(.+)$/, resource: secret, actions: writes('secret.delete') },
  {
    path: /^transit\/keys\/([^/]+)$/,
    resource: transitKey,
    actions: { create: 'transit.write', update: 'transit.write', delete: 'transit.write', read: 'transit.read' },
  },
  ...['encrypt', 'decrypt', 'rewrap', 'sign', 'verify', 'hmac'].map((use) => ({
    path: new RegExp(`^transit/${use}/([^/]+)$`),
    resource: transitKey,
    actions: { update: `transit.${use}` },
  })),
];

/** The questions about one path; none for a path that is nowhere. */
export function questionsOf(path: string): readonly Capability[] {
  for (const { path: pattern, resource, actions } of rows) {
    const found = pattern.exec(path);
    if (!found) continue;
    const named = resource(found[1] ?? '');
    return Object.entries(actions).map(([capability, action]) => ({
      ...{ capability: capability as Capability['capability'], action, resource: named },
    }));
  }
  return [];
}
