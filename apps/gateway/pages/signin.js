/** Signing in: password or passkey, then a second factor where one is due, then on to where one was going. */
import { offerFactors } from './enrol.js';
import {
  ask,
  find,
  goTo,
  interactionOf,
  onPress,
  onSubmit,
  Refused,
  session,
  show,
  takeFragment,
  tell,
} from './gate.js';
import { canUsePasskeys, usePasskey } from './passkey.js';

const api = '/api/v1/auth';

const parameters = new URLSearchParams(location.search);
/** An OpenID sign-in that waits for this one. */
const interaction = interactionOf(location.search);
/** One of our own pages that was waiting, with the secret of its link. No address says where to go in full. */
const secret = takeFragment();
const next = { device: '/device', invitation: `/invitation#${secret}` }[parameters.get('next')] ?? '/account';
const parts = ['known', 'first', 'second', 'enrol'];
const showOnly = (id) => show(id, ...parts.filter((part) => part !== id));

async function done(answer) {
  session.begin(answer);
  if (interaction === undefined) return goTo(next);
  const { location: onward } = await session.ask(`POST /oidc/interaction/${interaction}/login`, {});
  goTo(onward);
}

/** Runs the first step of a sign-in; where a second one is due, the refusal says what it may be. */
async function goOn(first) {
  try {
    await done(await first());
  } catch (error) {
    if (!(error instanceof Refused) || error.problem.code !== 'second_factor_required') throw error;
    if (error.problem.factors.length === 0) enrol(error.problem.challenge);
    else askForFactor(error.problem);
  }
}

let challenge;

function askForFactor({ challenge: given, factors }) {
  challenge = given;
  const has = (factor) => factors.includes(factor);
  find('passkey-second').hidden = !has('passkey') || !canUsePasskeys();
  find('to-recovery').hidden = !has('recovery');
  find('to-app').hidden = true;
  find('totp-form').hidden = !has('totp');
  find('recovery-form').hidden = has('totp') || has('passkey');
  showOnly('second');
  (find('totp-form').hidden ? find('passkey-second') : find('code')).focus();
}

/** The sign-in allows nothing but adding the first factor, and adding it completes the sign-in. */
function enrol(given) {
  const post = (path, body) => ask(`POST ${api}/login/enrol/${path}`, { challenge: given, ...body });
  const ways = {
    beginTotp: () => post('totp'),
    confirmTotp: (code) => post('totp/confirm', { code, cookie: true }),
    passkeyOptions: () => post('passkey/options'),
    addPasskey: (response, name) => post('passkey', { response, name, cookie: true }),
  };
  offerFactors(find('enrolment'), ways, { onAdded: done });
  showOnly('enrol');
}

onSubmit('password-form', async ({ email, password }) =>
  goOn(() => ask(`POST ${api}/login`, { email, password, cookie: true })),
);
onPress('passkey-alone', async () => {
  const response = await usePasskey(await ask(`POST ${api}/login/passkey/options`, {}));
  await goOn(() => ask(`POST ${api}/login/passkey`, { response, cookie: true }));
});
onPress('passkey-second', async () => {
  const response = await usePasskey(await ask(`POST ${api}/login/passkey/options`, { challenge }));
  await done(await ask(`POST ${api}/login/passkey`, { challenge, response, cookie: true }));
});
onSubmit('totp-form', async ({ code }) => done(await ask(`POST ${api}/login/totp`, { challenge, code, cookie: true })));
onSubmit('recovery-form', async ({ recovery }) =>
  done(await ask(`POST ${api}/login/recovery`, { challenge, code: recovery, cookie: true })),
);
onPress('to-recovery', () => {
  find('to-app').hidden = find('totp-form').hidden;
  find('to-recovery').hidden = true;
  find('totp-form').hidden = true;
  find('recovery-form').hidden = false;
  find('recovery').focus();
});
onPress('to-app', () => {
  find('to-app').hidden = true;
  find('to-recovery').hidden = false;
  find('recovery-form').hidden = true;
  find('totp-form').hidden = false;
  find('code').focus();
});
onPress('begin-again', () => begin());
onPress('go-on', async () => {
  try {
    await done({ access_token: session.token });
  } catch (error) {
    // It wants a sign-in of now, whoever is signed in already.
    if (error instanceof Refused && error.problem.code === 'sign_in_too_old') begin();
    throw error;
  }
});
onPress('other', async () => {
  await session.ask(`POST ${api}/logout`, {}).catch(() => undefined);
  session.over();
  begin();
});

function begin() {
  challenge = undefined;
  find('password').value = '';
  showOnly('first');
  find('email').focus();
}

async function start() {
  find('passkey-alone').hidden = !canUsePasskeys();
  if (interaction !== undefined) {
    const { client, prompt } = await ask(`GET /oidc/interaction/${interaction}`);
    if (prompt === 'consent') return location.replace(`/consent?interaction=${interaction}`);
    find('client').textContent = client.title;
    find('to').hidden = false;
  }
  if (!(await session.resume())) return begin();
  if (interaction === undefined) return goTo(next);
  const { email } = await session.ask(`GET ${api}/me`);
  find('who').textContent = email;
  showOnly('known');
}

start().catch((error) => {
  begin();
  tell(error);
});
