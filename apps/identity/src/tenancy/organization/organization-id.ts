import { tenantIdPattern } from '@gatehouse/contracts';

/** Words that a reader of an id would take for a part of the product. */
const reserved: ReadonlySet<string> = new Set([
  ...['main', 'default', 'gatehouse', 'system', 'admin', 'administrator', 'root', 'operator', 'internal', 'public'],
  ...['identity', 'policy', 'vault', 'registry', 'relay', 'audit', 'gateway', 'console', 'cli', 'api', 'auth', 'oidc'],
  ...['support', 'security', 'status', 'www', 'all', 'any', 'none', 'null', 'undefined', 'self', 'me', 'global'],
]);

/** Three to 63 of `a-z 0-9 -`, neither a word of ours nor of the form of a personal workspace. */
export const isOrganizationId = (text: string): boolean =>
  tenantIdPattern.test(text) && text.length >= 3 && !text.startsWith('p-') && !reserved.has(text);
