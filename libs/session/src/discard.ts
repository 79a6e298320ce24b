import { types } from 'node:util';
import { MessageChannel } from 'node:worker_threads';

/** A port that is closed: what is transferred to it leaves us, as the standard of `postMessage` says, and reaches nobody. */
const { port1: nowhere } = new MessageChannel();
nowhere.close();

/** Freeing 64 bytes so costs more than leaving them to V8, freeing 16 KiB less; between the two nothing was measured. */
const leastBytes = 8_192;

/**
 * Frees memory that nobody reads any more; afterwards it has no length. OpenSSL's ciphers give out new memory by each call, outside of
 * V8's heap, and at some hundred megabytes a second V8 marks its whole heap eight to ten times a second to have it back. Memory of which
 * `memory` is only a part is left alone.
 */
export function discard(memory: Uint8Array): void {
  const { buffer, byteLength } = memory;
  if (byteLength < leastBytes || buffer.byteLength !== byteLength || !types.isArrayBuffer(buffer)) return;
  nowhere.postMessage(undefined, [buffer]);
}
