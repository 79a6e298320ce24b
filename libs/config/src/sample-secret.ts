const SAMPLES = new Set([
  'admin',
  'administrator',
  'default',
  'demo',
  'dev',
  'example',
  'gatehouse',
  'guest',
  'letmein',
  'master',
  'nats',
  'pass',
  'password',
  'pepper',
  'postgres',
  'qwerty',
  'root',
  'sample',
  'secret',
  'test',
  'token',
  'todo',
  'user',
]);

/** Placeholders of documents and templates: `change-me`, `<your key>`, `${KEY}`, `your-secret-here`, `example…`. */
const PLACEHOLDER =
  /change[-_ ]?(me|this|it)|replace[-_ ]?(me|this|with)|^your[-_ ]|^insert[-_ ]|^<.*>$|^\$\{?|^example|^sample|^dummy|^fixme/i;

/**
 * Tells whether a text is a published default or a placeholder and so no secret at all: a word everybody tries first
 * (with or without trailing digits and signs), a template's placeholder, or one character repeated.
 *
 * @example isSampleSecret('changeme') // true
 * @example isSampleSecret('password123!') // true
 */
export function isSampleSecret(text: string): boolean {
  const trimmed = text.trim();
  if (new Set(trimmed).size <= 2) return true;
  if (PLACEHOLDER.test(trimmed)) return true;
  return SAMPLES.has(trimmed.toLowerCase().replace(/[\d!?._-]+$/, ''));
}
