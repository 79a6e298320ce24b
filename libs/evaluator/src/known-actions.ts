/** Noun -> verbs of the management actions of Gatehouse's own services, and of what the built-in roles speak of. */
const verbs: Readonly<Record<string, readonly string[]>> = {
  alert: ['read', 'write'],
  audience: ['read', 'write'],
  audit: ['export', 'read'],
  billing: ['manage'],
  client: ['create', 'read', 'remove', 'rotate', 'write'],
  decision: ['evaluate', 'search'],
  deploy: ['preview', 'production'],
  domain: ['read', 'write'],
  environment: ['read', 'write'],
  fact: ['read', 'write'],
  idp: ['read', 'write'],
  key: ['create', 'disable', 'enable', 'find', 'import', 'read', 'rotate'],
  logs: ['read'],
  members: ['invite', 'read', 'remove', 'write'],
  person: ['erase'],
  policy: ['activate', 'read', 'simulate', 'write'],
  project: ['delete', 'read', 'roles', 'write'],
  projection: ['read', 'rebuild'],
  resource: ['share'],
  retention: ['read', 'write'],
  role: ['grant', 'read', 'revoke'],
  secret: ['list', 'read', 'write'],
  service: ['operate'],
  team: ['read', 'write'],
  tenant: ['close', 'read', 'transfer', 'update'],
  token: ['mint'],
  user: ['disable'],
};

/** Gatehouse's own actions: what a policy names beyond these (and its own enforcement points) is likely a slip. Sorted. */
export const knownActions: readonly string[] = Object.entries(verbs)
  .flatMap(([noun, all]) => all.map((verb) => `${noun}.${verb}`))
  .sort();
