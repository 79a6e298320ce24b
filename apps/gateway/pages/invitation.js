/** An invitation: shown to whoever holds the link, accepted by whoever the letter came to. */
import { ask, find, onPress, onSubmit, session, show, takeFragment, tell } from './gate.js';

const api = '/api/v1/identity/invitations';
const token = takeFragment();

function finish(title, text) {
  find('done-title').textContent = title;
  find('done-text').textContent = text;
  show('done', 'invited');
}

onPress('accept', async () => {
  const { name } = await session.ask(`POST ${api}/accept`, { token });
  finish('Welcome', `You are a member of ${name} now.`);
});

onPress('decline', () => finish('Nothing happened', 'You did not accept. The link goes on working until it ends.'));

onPress('to-register', () => {
  find('register-form').hidden = false;
  find('email').focus();
});

onSubmit('register-form', async ({ email, name, password }) => {
  await ask('POST /api/v1/auth/register', { email, name, password, invitation_token: token });
  finish('Look into your mail', `A letter is on its way to ${email}. Its link finishes the registration.`);
});

async function start() {
  if (token === '') return show('none');
  const { name, role } = await ask(`POST ${api}/look`, { token });
  find('tenant').textContent = name;
  find('role').textContent = role;
  find('to-sign-in').href = `/signin?next=invitation#${token}`;
  const known = await session.resume();
  if (known) find('who').textContent = (await session.ask('GET /api/v1/auth/me')).email;
  find(known ? 'as-known' : 'as-stranger').hidden = false;
  show('invited');
}

start().catch(tell);
