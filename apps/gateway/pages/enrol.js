/** Adding a second factor, the same while signing in and in the account. */
import { busy, make, onSubmit } from './gate.js';
import { canUsePasskeys, makePasskey } from './passkey.js';

/** The picture's path is drawn anew: markup from an answer is never put into the page. */
function picture(svg) {
  const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml');
  const path = parsed.querySelector('path[stroke]')?.getAttribute('d') ?? '';
  const space = 'http://www.w3.org/2000/svg';
  const image = document.createElementNS(space, 'svg');
  image.setAttribute('viewBox', parsed.documentElement.getAttribute('viewBox') ?? '');
  image.setAttribute('class', 'qr');
  image.setAttribute('role', 'img');
  image.setAttribute('aria-label', 'Picture for your authenticator app; the key below is the same as text');
  image.setAttribute('shape-rendering', 'crispEdges');
  const line = document.createElementNS(space, 'path');
  line.setAttribute('d', path);
  image.append(line);
  return image;
}

const inFours = (text) => text.match(/.{1,4}/g).join(' ');

const heading = (text) => make('h2', { tabIndex: -1 }, text);

const button = (text, work, className = '') => {
  const pressed = make('button', { type: 'button', className }, text);
  pressed.addEventListener('click', () => void busy(work));
  return pressed;
};

function field(name, label, properties, help) {
  const id = `enrol-${name}`;
  const input = make('input', { id, name, required: true, ...properties });
  const parts = [make('label', { for: id }, label), input];
  if (help) {
    input.setAttribute('aria-describedby', `${id}-help`);
    parts.push(make('p', { id: `${id}-help`, className: 'quiet' }, help));
  }
  return make('div', { className: 'field' }, ...parts);
}

/**
 * Shows recovery codes once, with a way to keep them, and goes on when the person says that they are kept.
 */
export function showCodes(container, codes, onKept) {
  const said = make('span', { role: 'status' });
  const list = make('ul', { className: 'codes', id: 'recovery-codes' }, ...codes.map((code) => make('li', {}, code)));
  const kept = () => {
    container.replaceChildren();
    return onKept();
  };
  const copy = button(
    'Copy',
    async () => {
      try {
        await navigator.clipboard.writeText(codes.join('\n'));
        said.textContent = 'Copied.';
      } catch {
        getSelection()?.selectAllChildren(list);
        said.textContent = 'Selected: press Ctrl+C or ⌘C.';
      }
    },
    'secondary',
  );
  container.replaceChildren(
    heading('Your recovery codes'),
    make('p', {}, 'Each lets you in once, if you lose your app or your passkey. They are shown only now.'),
    make('p', {}, make('strong', {}, 'Keep them where you keep important papers.')),
    list,
    copy,
    button('I have kept them', kept),
    said,
  );
  container.querySelector('h2').focus();
}

/**
 * Puts the choice of factors into `container`.
 *
 * @param ways `{ beginTotp, confirmTotp, passkeyOptions, addPasskey }`, each asking the API
 * @param onAdded called with the last answer, after recovery codes were shown
 */
export function offerFactors(container, ways, { has = [], onAdded }) {
  const again = () => offerFactors(container, ways, { has, onAdded });
  const added = (answer) =>
    answer.recovery_codes ? showCodes(container, answer.recovery_codes, () => onAdded(answer)) : onAdded(answer);
  const choices = [];
  if (!has.includes('totp'))
    choices.push(
      button('Add an authenticator app', async () =>
        askForCode(container, ways, { again, added, begun: await ways.beginTotp() }),
      ),
    );
  if (canUsePasskeys())
    choices.push(
      button('Add a passkey', () => askForName(container, ways, { again, added }), choices.length ? 'secondary' : ''),
    );
  container.replaceChildren(...choices);
}

function askForCode(container, ways, { again, added, begun }) {
  const form = make(
    'form',
    { id: 'enrol-totp' },
    field(
      'code',
      'Code that the app shows now',
      {
        className: 'code',
        inputMode: 'numeric',
        autocomplete: 'one-time-code',
        pattern: '[0-9]{6}',
        maxLength: 6,
        'data-once': '',
      },
      'Six digits, to see that the app and we agree.',
    ),
    make('button', { type: 'submit' }, 'Add the app'),
    button('Cancel', again, 'secondary'),
  );
  container.replaceChildren(
    heading('Add an authenticator app'),
    make(
      'p',
      {},
      'Take this picture with the app on your phone, or open ',
      make('a', { href: begun.uri }, 'this link'),
      ' on it:',
    ),
    picture(begun.svg),
    make('p', { className: 'quiet' }, 'Or type this key into the app:'),
    make('output', { id: 'totp-secret', 'aria-label': 'Key for the app' }, inFours(begun.secret)),
    form,
  );
  onSubmit(form, async ({ code }) => added(await ways.confirmTotp(code)));
  container.querySelector('h2').focus();
}

function askForName(container, ways, { again, added }) {
  const form = make(
    'form',
    { id: 'enrol-passkey' },
    field(
      'name',
      'Name for the passkey',
      { maxLength: 64, autocomplete: 'off' },
      'So that you know it again: my laptop, blue key.',
    ),
    make('button', { type: 'submit' }, 'Make the passkey'),
    button('Cancel', again, 'secondary'),
  );
  container.replaceChildren(heading('Add a passkey'), form);
  onSubmit(form, async ({ name }) => {
    const response = await makePasskey(await ways.passkeyOptions());
    await added(await ways.addPasskey(response, name));
  });
  form.elements.name.focus();
}
