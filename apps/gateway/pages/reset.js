/** Without a link: ask for one. With one: choose another password. */
import { ask, find, onSubmit, session, show, takeFragment } from './gate.js';

const token = takeFragment();

onSubmit('ask-form', async ({ email }) => {
  await ask('POST /api/v1/auth/password/forgot', { email });
  show('sent', 'ask');
});

onSubmit('choose-form', async ({ password }) => {
  await ask('POST /api/v1/auth/password/reset', { token, password });
  session.over();
  show('done', 'choose');
});

if (token !== '') find('title').textContent = 'Choose another password';
find(token === '' ? 'ask' : 'choose').hidden = false;
