/** Shows which services are ready, and again when somebody comes back to the page. */
const list = document.querySelector('#services');
const note = document.querySelector('#services-note');

const row = (name, state) => {
  const term = document.createElement('dt');
  const description = document.createElement('dd');
  term.textContent = name;
  description.textContent = state;
  description.className = state === 'ready' ? 'ready' : 'troubled';
  return [term, description];
};

async function show() {
  try {
    const answer = await fetch('/status', { headers: { accept: 'application/json' } });
    if (!answer.ok) throw new Error(String(answer.status));
    const { services } = await answer.json();
    list.replaceChildren(...Object.entries(services).flatMap(([name, state]) => row(name, state)));
    note.textContent = '';
    note.hidden = true;
  } catch {
    note.textContent = 'The state of the services cannot be read just now.';
    note.hidden = false;
  }
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void show();
});
void show();
