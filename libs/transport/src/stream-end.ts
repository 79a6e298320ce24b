import type { StreamEnd } from './byte-stream.js';

const codePattern = /^[a-z][a-z_]{0,31}$/;
const maxDetail = 200;
/** Code, a space, and at most 200 characters of UTF-8. */
export const maxReasonBytes = 32 + 1 + maxDetail * 4;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** As both carriers write the reason of a stream or a connection: the code, then a space and the detail if there is one. */
export function encodeReason(end: StreamEnd): Buffer {
  const code = codePattern.test(end.code) ? end.code : 'internal';
  const detail = (end.detail ?? '').slice(0, maxDetail);
  return Buffer.from(detail ? `${code} ${detail}` : code, 'utf8');
}

/** What a peer says is shown to people: nothing in it may steer a terminal. Undefined: it is no reason. */
export function decodeReason(bytes: Uint8Array): StreamEnd | undefined {
  if (bytes.length > maxReasonBytes) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const space = text.indexOf(' ');
  const code = space < 0 ? text : text.slice(0, space);
  if (!codePattern.test(code)) return undefined;
  const detail = space < 0 ? '' : text.slice(space + 1, space + 1 + maxDetail).replace(control, '?');
  return detail ? { code, detail } : { code };
}

/** The connection under a stream went away without a word. */
export const lost = (detail: string): StreamEnd => ({ code: 'lost', detail });
