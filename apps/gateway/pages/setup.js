/**
 * Redeems the one-time set-up link. The secret is in the fragment, which browsers send to nobody; it is taken out of the
 * address bar, and so out of the history, before anything else happens. It is sent only when a person asks for it: a
 * program that merely looks at links must not use this one up.
 */
const find = (id) => document.querySelector(`#${id}`);
const pattern = /gst_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/;
const tokenIn = (text) => pattern.exec(text)?.[0];

let token = tokenIn(location.hash);
const hadFragment = location.hash.length > 1;
history.replaceState(null, '', location.pathname);

/** What to tell a person, by the stable code of the answer. */
const advice = {
  setup_link_invalid: [
    'This link does not work any more',
    'It was used before, was replaced by a newer one, or is too old: a link works once and for 24 hours. Whoever runs the installation can make another with the command offer-setup.',
  ],
  rate_limited: ['Too many attempts', 'Wait a minute, then try again.'],
  unavailable: ['Gatehouse cannot answer just now', 'It may still be starting. Try again in a few seconds.'],
  timeout: [
    'The answer took too long',
    'Try again. If the link is then said to be used, ask for another one: the key it made was never shown.',
  ],
  not_reached: [
    'Gatehouse was not reached',
    'Check that it is running and that this browser trusts its certificate, then try again.',
  ],
  no_token: [
    'This is not a set-up link',
    'The part after # should begin with gst_. Copy the whole link and paste it here.',
  ],
};
const otherwise = ['That did not work', 'Try again. If it goes on, the trace id below leads to the entry in the log.'];

function showProblem(code, { title, traceId } = {}) {
  const [heading, text] = advice[code] ?? [title ?? otherwise[0], otherwise[1]];
  find('problem-title').textContent = heading;
  find('problem-advice').textContent = text;
  find('problem-trace').textContent = traceId ? `Trace ${traceId}` : '';
  find('problem-trace').hidden = !traceId;
  find('problem').hidden = false;
}

function showKey({ key, tenantId, principal }) {
  token = undefined;
  find('begin').hidden = true;
  find('problem').hidden = true;
  find('key').textContent = key;
  find('tenant').textContent = tenantId;
  find('owner').textContent = `${principal.type}/${principal.id}`;
  find('login').textContent = `gatehouse login --url ${location.origin} --api-key-stdin`;
  find('done').hidden = false;
  find('done-title').focus();
}

async function redeem() {
  try {
    const answer = await fetch('/api/v1/identity/setup', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
      cache: 'no-store',
      credentials: 'omit',
    });
    const document = await answer.json();
    if (answer.ok) return showKey(document);
    showProblem(document.code, document);
    // A used link stays used; offer to paste another one.
    if (document.code === 'setup_link_invalid') askForLink();
  } catch {
    showProblem('not_reached');
  }
}

function askForLink() {
  token = undefined;
  find('paste').hidden = false;
  find('link').value = '';
  find('link').focus();
}

find('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  token ??= tokenIn(find('link').value);
  if (token === undefined) return showProblem('no_token');
  find('problem').hidden = true;
  find('redeem').disabled = true;
  await redeem();
  find('redeem').disabled = false;
});

find('copy').addEventListener('click', async () => {
  const copied = find('copied');
  try {
    await navigator.clipboard.writeText(find('key').textContent);
    copied.textContent = 'Copied.';
  } catch {
    // No permission: select it, so that one keystroke copies.
    getSelection()?.selectAllChildren(find('key'));
    copied.textContent = 'Selected: press Ctrl+C or ⌘C.';
  }
});

/** The key is only on this page: leaving it is worth a question. */
addEventListener('beforeunload', (event) => {
  if (!find('done').hidden && find('copied').textContent === '') event.preventDefault();
});

find('begin').hidden = false;
if (token === undefined) {
  askForLink();
  if (hadFragment) showProblem('no_token');
}
