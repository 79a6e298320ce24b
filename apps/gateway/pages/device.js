/** Lets a device act for a person (RFC 8628): the code is typed in here, so that a link alone lets nothing in. */
import { find, make, onPress, onSubmit, session, show, tell, when } from './gate.js';
import { offerTenants, wordsFor } from './scopes.js';

const api = '/oidc/device-approval';
let userCode;

const facts = {
  Application: ({ client }) => client.title,
  'Asks to': ({ scopes, permissions }) => wordsFor([...scopes, ...permissions]).join(', '),
  'Asked from': ({ requestedFrom }) => [requestedFrom.network, requestedFrom.userAgent].filter(Boolean).join(' · '),
  'Asked at': ({ requestedAt }) => when(requestedAt),
};

onSubmit('code-form', async (given) => {
  userCode = given.userCode.trim();
  const asked = await session.ask(`POST ${api}/lookup`, { userCode });
  const rows = Object.entries(facts).flatMap(([name, of]) => {
    const text = of(asked);
    return text ? [make('dt', {}, name), make('dd', {}, text)] : [];
  });
  find('facts').replaceChildren(...rows);
  offerTenants(asked.tenants);
  show('decide', 'enter');
});

function finish(title, text) {
  find('done-title').textContent = title;
  find('done-text').textContent = text;
  show('done', 'decide');
}

onPress('approve', async () => {
  const tenantId = find('tenant').value;
  await session.ask(`POST ${api}/approve`, { userCode, ...(tenantId && { tenantId }) });
  finish('Allowed', 'You can go back to the device.');
});
onPress('deny', async () => {
  await session.ask(`POST ${api}/deny`, { userCode });
  finish('Denied', 'The device was told so.');
});

async function start() {
  // Signing in first; the code is typed in afterwards, so no address carries it.
  if (!(await session.resume())) return location.replace('/signin?next=device');
  show('enter');
  find('userCode').focus();
}

start().catch(tell);
