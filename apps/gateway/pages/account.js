/** The own account: second factors, sessions, profile, password. */
import { offerFactors, showCodes } from './enrol.js';
import { busy, find, make, onPress, onSubmit, Refused, session, show, tell, when } from './gate.js';
import { canUsePasskeys, usePasskey } from './passkey.js';

const api = '/api/v1/auth';
const post = (path, body) => session.ask(`POST ${api}/${path}`, body);
const kinds = { totp: 'Authenticator app', passkey: 'Passkey' };

let held = { factors: [], recovery_codes_left: 0, fresh: true };

function say(text) {
  find('said').textContent = text;
  find('said').hidden = text === '';
}

/** Does something that needs a fresh proof; asks for the proof when the sign-in is too old, and for the deed again after it. */
async function proved(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refused && error.problem.code === 'fresh_proof_required') askForProof();
    throw error;
  }
}

function askForProof() {
  const has = (kind) => held.factors.some((factor) => factor.kind === kind);
  find('proof-password').hidden = held.factors.length > 0;
  find('proof-code').hidden = !has('totp');
  find('proof-submit').hidden = held.factors.length > 0 && !has('totp');
  find('proof-passkey').hidden = !has('passkey') || !canUsePasskeys();
  show('proof');
}

async function afterProof(proof) {
  await post('factors/proof', proof);
  find('proof').hidden = true;
  find('proof-form').reset();
  say('Thank you. You can change how you sign in for the next ten minutes.');
}

onSubmit('proof-form', ({ password, code }) => afterProof(held.factors.length > 0 ? { code } : { password }));
onPress('proof-passkey', async () => {
  const response = await usePasskey(await post('factors/proof/options'));
  await afterProof({ response });
});

const change = (path, body) => proved(() => post(path, body));
const ways = {
  beginTotp: () => change('factors/totp'),
  confirmTotp: (code) => change('factors/totp/confirm', { code }),
  passkeyOptions: () => change('factors/passkeys/options'),
  addPasskey: (response, name) => change('factors/passkeys', { response, name }),
};

function entry(title, details, ...actions) {
  return make(
    'li',
    {},
    make('div', {}, make('strong', {}, title), make('p', { className: 'quiet' }, details)),
    ...actions,
  );
}

function action(text, label, work) {
  const button = make('button', { type: 'button', className: 'danger', 'aria-label': label }, text);
  button.addEventListener('click', () => void busy(work));
  return button;
}

const lastUsed = ({ created_at, last_used_at }) =>
  `Added ${when(created_at)} · ${last_used_at ? `last used ${when(last_used_at)}` : 'never used yet'}`;

function factorEntry(factor) {
  const title = factor.name ?? kinds[factor.kind];
  const remove = () =>
    proved(async () => {
      await session.ask(`DELETE ${api}/factors/${factor.factor_id}`);
      await showFactors();
      say(`${title} is removed.`);
    });
  return entry(
    title,
    `${factor.name ? `${kinds[factor.kind]} · ` : ''}${lastUsed(factor)}`,
    action('Remove', `Remove ${title}`, remove),
  );
}

async function showFactors() {
  held = await session.ask(`GET ${api}/factors`);
  const { factors, recovery_codes_left } = held;
  find('factors').replaceChildren(...factors.map(factorEntry));
  find('no-factors').hidden = factors.length > 0;
  find('codes-left').hidden = factors.length === 0;
  find('codes-left').textContent = `${recovery_codes_left} recovery codes left.`;
  find('new-codes').hidden = factors.length === 0;
  const onAdded = async () => {
    await showFactors();
    say('The second factor is added.');
  };
  offerFactors(find('enrolment'), ways, { has: factors.map(({ kind }) => kind), onAdded });
}

onPress('new-codes', () =>
  proved(async () => {
    const { recovery_codes } = await post('factors/recovery-codes');
    find('new-codes').hidden = true;
    showCodes(find('enrolment'), recovery_codes, showFactors);
  }),
);

async function showSessions() {
  const { sessions } = await session.ask(`GET ${api}/sessions`);
  find('sessions').replaceChildren(...sessions.map(sessionEntry));
}

function sessionEntry({ id, current, user_agent, ip, started_at, last_used_at }) {
  const title = browserOf(user_agent ?? '');
  const details = `${ip ?? 'unknown address'} · since ${when(started_at)} · last used ${when(last_used_at)}`;
  if (current) return entry(title, details, make('span', { className: 'tag' }, 'this one'));
  const end = async () => {
    await session.ask(`DELETE ${api}/sessions/${id}`);
    await showSessions();
    say('It is signed out.');
  };
  return entry(title, details, action('Sign out', `Sign out ${title}, used ${when(last_used_at)}`, end));
}

/** Enough to tell one's own devices apart. */
function browserOf(userAgent) {
  const browser = ['Edg', 'Firefox', 'Chrome', 'Safari', 'curl'].find((name) => userAgent.includes(name));
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS', 'Linux'].find((name) => userAgent.includes(name));
  return [browser === 'Edg' ? 'Edge' : (browser ?? 'A program'), system].filter(Boolean).join(' on ');
}

onSubmit('profile-form', async ({ name }) => {
  await session.ask(`PATCH ${api}/me`, { name });
  say('Your name is saved.');
});

onSubmit('password-form', async ({ current, next }, form) => {
  await post('password/change', { current, next });
  form.reset();
  await showSessions();
  say('Your password is changed.');
});

onPress('sign-out', async () => {
  await post('logout', {});
  session.over();
  location.assign('/signin');
});

async function start() {
  if (!(await session.resume())) return location.replace('/signin');
  const { email, name } = await session.ask(`GET ${api}/me`);
  find('who').textContent = email;
  find('username').value = email;
  find('profile-form').elements.name.value = name ?? '';
  await Promise.all([showFactors(), showSessions()]);
  find('account').hidden = false;
}

start().catch(tell);
