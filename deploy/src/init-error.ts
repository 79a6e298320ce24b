/** Something the person at the keyboard can mend; the message says how. */
export class InitError extends Error {
  override readonly name = 'InitError';
}
