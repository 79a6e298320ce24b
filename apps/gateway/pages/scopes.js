/** What an application asks for, in words, and where it may act. */
import { find, make } from './gate.js';

const words = {
  openid: 'know who you are',
  profile: 'see your name',
  email: 'see your e-mail address',
  groups: 'see your teams and roles',
  offline_access: 'go on while you are away, until you take it back',
};

/** Permissions are shown as they are written: an administrator knows them, and a translation would hide what they say. */
export const wordsFor = (scopes) => scopes.map((scope) => words[scope] ?? scope);

/** One tenant is said, several are a choice. */
export function offerTenants(tenants) {
  const select = find('tenant');
  select.replaceChildren(...tenants.map(({ id, name }) => make('option', { value: id }, name)));
  find('tenant-field').hidden = tenants.length === 0;
}
