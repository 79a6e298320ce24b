/** Making an account. The answer is the same whether the address is known here or not. */
import { ask, find, onSubmit, show } from './gate.js';

onSubmit('form', async ({ email, name, password }) => {
  await ask('POST /api/v1/auth/register', { email, name, password });
  find('address').textContent = email;
  show('sent', 'form-part');
});

find('form-part').hidden = false;
