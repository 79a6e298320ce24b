/** What the pages of people share: asking the API, telling what went wrong, and the session of this browser. */
export const find = (id) => document.querySelector(`#${id}`);

/** An element with its properties and children; text is always text, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role' || name === 'for') element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Shows one part of the page and moves the focus to its heading, so that it is read out. */
export function show(id, ...hide) {
  for (const other of hide) find(other).hidden = true;
  const part = find(id);
  part.hidden = false;
  part.querySelector('[tabindex="-1"]')?.focus();
}

/**
 * The secret behind # of a link, taken out of the address bar and so out of the history before anything else happens.
 * Browsers send a fragment to nobody.
 */
export function takeFragment() {
  const text = location.hash.slice(1).replace(/^token=/, '');
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
  return text;
}

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.code);
    this.status = status;
    this.problem = problem;
  }
}

/** Cookies travel to this origin only; the header tells the service that no form of another site sent them. */
const headers = { accept: 'application/json', 'content-type': 'application/json', 'x-gatehouse-request': '1' };

/**
 * Asks the API and answers its body.
 *
 * @throws Refused with the problem document; its code is `not_reached` when there was no answer
 */
export async function ask(what, body, { token, extra } = {}) {
  const [method, path] = what.split(' ');
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const options = { method, headers: { ...headers, ...authorization, ...extra }, cache: 'no-store', redirect: 'error' };
  // No body, no claim of one: a content type without a body is refused.
  if (body === undefined) delete options.headers['content-type'];
  else options.body = JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused(0, { code: 'not_reached' });
  }
  const text = await answer.text();
  const json = /json/.test(answer.headers.get('content-type') ?? '') && text !== '' ? JSON.parse(text) : {};
  if (!answer.ok) throw new Refused(answer.status, { ...json, retryAfter: answer.headers.get('retry-after') });
  return json;
}

/** What to tell a person, by the stable code of the answer. */
const advice = {
  not_reached: 'Gatehouse was not reached. Check your connection, then try again.',
  unavailable: 'Gatehouse cannot answer just now. Try again in a few seconds.',
  timeout: 'The answer took too long. Try again.',
  unauthenticated: 'You are not signed in any more. Sign in again.',
  validation_failed: 'Something in the form is not right. Look at the marked fields.',
  sign_in_refused: 'The e-mail address or the password is not right.',
  challenge_invalid: 'This sign-in took too long or was tried too often. Begin again.',
  second_factor_failed:
    'That was not accepted. A code works once and for about a minute; a passkey must be one of yours.',
  totp_code_wrong: 'That is not the code the app shows now. Wait for the next one and try again.',
  totp_not_begun: 'That took too long. Begin again with a new picture.',
  totp_exists: 'You have an authenticator app already. Remove it first to use another one.',
  passkey_not_accepted: 'The passkey was not accepted. Try again.',
  passkey_known: 'This passkey is registered already.',
  too_many_passkeys: 'You have 20 passkeys already. Remove one first.',
  last_factor: 'An organization of yours demands a second factor, and this is your last one. Add another one first.',
  link_invalid: 'This link or its password is not right: links work once and for a limited time. Ask for another one.',
  password_wrong: 'The current password is not right.',
  interaction_over: 'This sign-in is over. Go back to the application and begin again.',
  sign_in_too_old: 'The application wants you to sign in anew.',
  second_factor_required:
    'This organization lets nobody in without a second factor. Sign in with yours, or add one in your account.',
  user_code_unknown: 'No device waits under this code. Look at it once more.',
  device_decided: 'Somebody has decided about this device already.',
  not_a_member: 'You are not a member of this organization.',
  invitation_invalid: 'This invitation does not work: it is for another address, was used, or has ended.',
  already_member: 'You are a member already.',
  registration_closed: 'Nobody can register here without an invitation.',
  fresh_proof_required: 'You signed in a while ago. Prove that it is you, then do it again.',
  passkey_cancelled: 'The passkey was not used: it was cancelled, or none of yours is on this device.',
  passkey_unsupported: 'This browser cannot use passkeys. Use another way, or another browser.',
};

const minutes = (seconds) => (seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.max(1, seconds)} seconds`);

export function adviceFor({ code, title, detail, retryAfter }) {
  if (code === 'rate_limited' || code === 'sign_in_delayed')
    return `Too many attempts. Try again in ${minutes(Number(retryAfter ?? 60))}.`;
  return advice[code] ?? [title ?? 'That did not work', detail].filter(Boolean).join('. ');
}

/** Tells what went wrong, in the alert of the page. The trace id leads to the entry in the log. */
export function tell(error) {
  const problem = error instanceof Refused ? error.problem : { code: 'unexpected' };
  const trace = problem.traceId && !(problem.code in advice) ? ` Trace ${problem.traceId}.` : '';
  const box = find('problem');
  // Emptied first, so that the same words again are read out again.
  box.textContent = '';
  box.hidden = false;
  box.textContent = adviceFor(problem) + trace;
  if (!(error instanceof Refused)) throw error;
}

export function forget() {
  for (const id of ['problem', 'said']) {
    const box = find(id);
    if (!box) continue;
    box.hidden = true;
    box.textContent = '';
  }
}

/** Marks the fields that the answer found wrong, each with its own text. */
function markFields(form, errors = []) {
  for (const mark of form.querySelectorAll('.field-problem')) mark.remove();
  for (const input of form.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid');
  for (const { path, message } of errors) {
    const input = form.elements.namedItem(path.replace(/^body\./, ''));
    if (!input?.setAttribute) continue;
    input.setAttribute('aria-invalid', 'true');
    input.after(make('p', { className: 'field-problem' }, message));
  }
  form.querySelector('[aria-invalid]')?.focus();
}

/** The OpenID sign-in that waits, by its name in the address; undefined for anything that is no name. */
export const interactionOf = (search) =>
  /^[A-Za-z0-9_-]{20,64}$/.exec(new URLSearchParams(search).get('interaction') ?? '')?.[0];

/** Only to this origin, whatever an answer says; the service itself sends the browser on to an application. */
export function goTo(address) {
  const target = new URL(address, location.origin);
  if (target.origin !== location.origin)
    throw new Refused(0, { code: 'unexpected', title: 'The next address is not one of ours' });
  location.assign(target);
}

/** Runs `work` while nothing on the page can be pressed twice. */
export async function busy(work) {
  const pressed = document.activeElement;
  const buttons = [...document.querySelectorAll('button:not(:disabled)')];
  for (const button of buttons) button.disabled = true;
  forget();
  try {
    return await work();
  } catch (error) {
    tell(error);
  } finally {
    for (const button of buttons) button.disabled = false;
    if (pressed?.isConnected && document.activeElement === document.body) pressed.focus();
  }
}

/** Handles a form: one submission at a time, fields marked, passwords and codes emptied when they were refused. */
export function onSubmit(id, work) {
  const form = typeof id === 'string' ? find(id) : id;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void busy(async () => {
      markFields(form);
      try {
        await work(Object.fromEntries(new FormData(form)), form);
      } catch (error) {
        if (error instanceof Refused) {
          for (const secret of form.querySelectorAll('[data-once]')) secret.value = '';
          markFields(form, error.problem.errors);
          if (!form.querySelector('[aria-invalid]')) form.querySelector('[data-once]')?.focus();
        }
        throw error;
      }
    });
  });
}

export const onPress = (id, work) => find(id).addEventListener('click', () => void busy(work));

/** Says that this browser has a session, so that pages need not ask in vain. It is no secret and proves nothing. */
const mark = 'gatehouse.session';

/** The access token is in memory only; the refresh token is in a cookie that no script can read. */
export const session = {
  token: undefined,
  begin({ access_token: token }) {
    session.token = token;
    localStorage.setItem(mark, 'yes');
  },
  over() {
    session.token = undefined;
    localStorage.removeItem(mark);
  },
  /** Goes on with this browser's session, if there is one. */
  async resume() {
    if (localStorage.getItem(mark) === null) return false;
    try {
      session.begin(await ask('POST /api/v1/auth/refresh', {}));
      return true;
    } catch (error) {
      if (error instanceof Refused && error.status >= 400 && error.status < 500) session.over();
      else throw error;
      return false;
    }
  },
  /** Asks as the person who is signed in; an access token that ran out is renewed once. */
  async ask(what, body, options) {
    try {
      return await ask(what, body, { ...options, token: session.token });
    } catch (error) {
      if (error.status !== 401 || error.problem.code !== 'unauthenticated' || !(await session.resume())) throw error;
      return ask(what, body, { ...options, token: session.token });
    }
  },
};

export const when = (text) =>
  new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' }).format(
    new Date(text),
  );
