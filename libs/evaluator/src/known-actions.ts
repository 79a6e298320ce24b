/** Noun -> verbs of what Gatehouse's own services enforce. */
const own: Readonly<Record<string, readonly string[]>> = {
  alert: ['read', 'write'],
  audience: ['read', 'write'],
  audit: ['export', 'read'],
  approle: ['read', 'write'],
  client: ['create', 'read', 'remove', 'rotate', 'write'],
  database: ['credentials', 'read', 'write'],
  decision: ['evaluate', 'search'],
  device: [
    ...['approve', 'exec', 'files.read', 'files.write', 'forward', 'logs', 'manage', 'metrics', 'read'],
    ...['recordings.read', 'sessions.read', 'shell', 'transfer'],
  ],
  fact: ['read', 'write'],
  idp: ['read', 'write'],
  key: ['create', 'disable', 'enable', 'find', 'import', 'read', 'rotate'],
  lease: ['read', 'renew', 'revoke'],
  login: ['read', 'write'],
  members: ['invite', 'read', 'remove', 'write'],
  person: ['erase'],
  policy: ['activate', 'read', 'simulate', 'write'],
  project: ['delete', 'read', 'roles', 'write'],
  projection: ['read', 'rebuild'],
  resource: ['share'],
  retention: ['read', 'write'],
  role: ['grant', 'read', 'revoke'],
  secret: ['delete', 'export', 'find', 'import', 'list', 'read', 'write'],
  team: ['read', 'write'],
  seal: ['read', 'write'],
  tenant: ['close', 'read', 'transfer', 'update'],
  token: ['create', 'mint', 'read', 'renew', 'revoke'],
  transit: ['decrypt', 'encrypt', 'hmac', 'read', 'rewrap', 'sign', 'verify', 'write'],
  user: ['disable'],
};

/** What the built-in roles speak of and others enforce: whoever deploys, serves logs, bills. */
const others: Readonly<Record<string, readonly string[]>> = {
  billing: ['manage'],
  deploy: ['preview', 'production'],
  domain: ['read', 'write'],
  environment: ['read', 'write'],
  logs: ['read'],
  service: ['operate'],
};

const namesOf = (verbs: Readonly<Record<string, readonly string[]>>): readonly string[] =>
  Object.entries(verbs)
    .flatMap(([noun, all]) => all.map((verb) => `${noun}.${verb}`))
    .sort();

/** What Gatehouse's own services ask before they act. Sorted. */
export const ownActions = namesOf(own);

/** Every action known here: what a policy names beyond these (and its own enforcement points) is likely a slip. Sorted. */
export const knownActions: readonly string[] = [...ownActions, ...namesOf(others)].sort();
