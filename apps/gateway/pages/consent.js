/** Lets an application act for a person: shows who asks for what, and where one is sent afterwards. */
import { ask, find, goTo, interactionOf, make, onPress, Refused, show, tell } from './gate.js';
import { offerTenants, wordsFor } from './scopes.js';

const interaction = interactionOf(location.search);
const api = `/oidc/interaction/${interaction}`;

onPress('approve', async () => {
  const tenantId = find('tenant').value;
  goTo((await ask(`POST ${api}/consent`, tenantId ? { tenantId } : {})).location);
});
onPress('deny', async () => goTo((await ask(`POST ${api}/abort`, {})).location));

async function start() {
  if (interaction === undefined) throw new Refused(0, { code: 'interaction_over' });
  const asked = await ask(`GET ${api}`);
  if (asked.prompt === 'login') return location.replace(`/signin?interaction=${interaction}`);
  const { client, scopes, permissions, redirectHost, tenants } = asked;
  find('client').textContent = client.title;
  find('unregistered').hidden = client.registered;
  find('scopes').replaceChildren(...wordsFor([...scopes, ...permissions]).map((text) => make('li', {}, text)));
  find('target').textContent = redirectHost;
  offerTenants(tenants);
  show('decide');
}

start().catch(tell);
