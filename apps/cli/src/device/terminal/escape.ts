const carriageReturn = 13;
const lineFeed = 10;
const tilde = 126;
const dot = 46;

/**
 * Finds `Enter ~ .` in what is typed: it ends a session whose device does not answer any more, as with ssh. `~~` after Enter
 * is one tilde. Everything else goes through as it is, in whatever pieces it comes.
 */
export class Escape {
  #state: 'line_start' | 'tilde' | 'text' = 'line_start';

  /** What is to be sent of these bytes, and whether the person wants out. */
  take(bytes: Uint8Array): { readonly send: Uint8Array; readonly isOut: boolean } {
    const send: number[] = [];
    for (const byte of bytes) {
      if (this.#state === 'tilde') {
        if (byte === dot) return { send: Uint8Array.from(send), isOut: true };
        if (byte !== tilde) send.push(tilde);
        this.#state = 'text';
      } else if (this.#state === 'line_start' && byte === tilde) {
        this.#state = 'tilde';
        continue;
      }
      send.push(byte);
      this.#state = byte === carriageReturn || byte === lineFeed ? 'line_start' : 'text';
    }
    return { send: Uint8Array.from(send), isOut: false };
  }
}
