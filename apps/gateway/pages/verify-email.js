/** The link of the letter and the password together verify an address: neither a program that opens links nor a stranger can. */
import { ask, find, onSubmit, show, takeFragment } from './gate.js';

const token = takeFragment();

onSubmit('form', async ({ password }) => {
  await ask('POST /api/v1/auth/verify-email', { token, password });
  show('done', 'begin');
});

find(token === '' ? 'none' : 'begin').hidden = false;
