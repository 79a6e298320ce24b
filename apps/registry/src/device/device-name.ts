/** Words that stand where a device's name does in an address. */
const reserved: ReadonlySet<string> = new Set([
  ...['registrations', 'rejections', 'sessions', 'bulk', 'self', 'grant-keys', 'recordings', 'tunnels'],
]);
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const pattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const maxLength = 63;

/** 1 to 63 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit; neither an id nor a word of ours. */
export const isDeviceName = (text: string): boolean =>
  pattern.test(text) && !uuid.test(text) && !reserved.has(text.toLowerCase());

/** A name for a device that says this of itself. */
export function nameFor(hostname: string): string {
  const first = hostname.split('.')[0] ?? '';
  const name = first
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, maxLength);
  return isDeviceName(name) ? name : 'device';
}

/**
 * The name itself, or with the first number behind it that makes it free.
 *
 * @param taken in lower case
 */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name.toLowerCase())) return name;
  for (let n = 2; ; n++) {
    const suffix = `-${n}`;
    const tried = `${name.slice(0, maxLength - suffix.length)}${suffix}`;
    if (!taken.has(tried.toLowerCase())) return tried;
  }
}
