import { decodeBase64, encodeBase64 } from './base64.js';
import { FormatError } from './errors.js';
import { isKeyName, type NoteKey, type NoteSigner, type NoteVerifier } from './note-key.js';

/** Largest note, in bytes: room for 32 signatures of the largest post-quantum kind. */
export const MAX_NOTE_BYTES = 262_144;
/** Most signature lines in a note (the specification asks for 16 at least). */
export const MAX_NOTE_SIGNATURES = 32;

const KEY_ID_BYTES = 4;
const SIGNATURE_LINE = '\u2014 ';

interface SignatureLine extends NoteKey {
  readonly signature: Uint8Array;
}

/** A note taken apart, its signatures not yet checked. */
export interface SplitNote {
  /** With its final newline: the bytes that are signed. */
  readonly text: string;
  readonly signatures: readonly SignatureLine[];
}

/** What {@link openNote} found. Only the text of an opened note may be used. */
export type OpenedNote =
  | {
      readonly ok: true;
      readonly text: string;
      /** Keys whose signature holds, each once. */
      readonly verified: readonly NoteKey[];
      /** Keys that no verifier was given for: they prove nothing. */
      readonly unknown: readonly NoteKey[];
    }
  | { readonly ok: false; readonly reason: string };

/**
 * UTF-8 bytes as text, nothing replaced and nothing dropped (a byte order mark stays a character).
 *
 * @throws FormatError for invalid UTF-8
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError('not valid UTF-8');
  }
}

function requireNoteCharacters(text: string): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 && code !== 0x0a) throw new FormatError('the note has a control character');
  }
  if (/\p{Cs}/u.test(text)) throw new FormatError('the note is not well-formed text');
}

/**
 * A signed note (c2sp.org/signed-note): the text, an empty line, one line per signature.
 *
 * @param text ends in a newline, holds no other control character
 * @param signers one or more, each key once
 * @throws FormatError when the text cannot be a note's; RangeError for no, too many or repeated signers
 * @example signNote(formatCheckpoint({ origin, size, root }), noteSigner(origin, privateKey))
 */
export function signNote(text: string, ...signers: readonly NoteSigner[]): string {
  if (!text.endsWith('\n')) throw new FormatError('the text of a note ends in a newline');
  requireNoteCharacters(text);
  const keys = new Set(signers.map((signer) => `${signer.name}+${signer.keyId}`));
  if (keys.size !== signers.length || keys.size === 0 || keys.size > MAX_NOTE_SIGNATURES) {
    throw new RangeError('a note has 1 to 32 signers, each once');
  }
  const bytes = Buffer.from(text, 'utf8');
  const lines = signers.map((signer) => {
    const signature = encodeBase64(Buffer.concat([Buffer.from(signer.keyId, 'hex'), signer.sign(bytes)]));
    return `${SIGNATURE_LINE}${signer.name} ${signature}\n`;
  });
  const note = `${text}\n${lines.join('')}`;
  if (Buffer.byteLength(note) > MAX_NOTE_BYTES) throw new FormatError('the note is too large');
  return note;
}

/**
 * Takes a note apart without trusting it.
 *
 * @param note text, or its UTF-8 bytes
 * @throws FormatError unless it follows the grammar to the byte
 */
export function splitNote(note: string | Uint8Array): SplitNote {
  const byteCount = typeof note === 'string' ? Buffer.byteLength(note) : note.length;
  if (byteCount > MAX_NOTE_BYTES) throw new FormatError('the note is too large');
  const whole = typeof note === 'string' ? note : decodeUtf8(note);
  requireNoteCharacters(whole);
  // The last empty line separates: the text may hold empty lines of its own.
  const gap = whole.lastIndexOf('\n\n');
  if (gap < 0 || !whole.endsWith('\n')) throw new FormatError('the note has no signatures');
  const lines = whole.slice(gap + 2, -1).split('\n');
  if (lines.length > MAX_NOTE_SIGNATURES) throw new FormatError('the note has too many signatures');
  return { text: whole.slice(0, gap + 1), signatures: lines.map(parseSignatureLine) };
}

function parseSignatureLine(line: string): SignatureLine {
  const [, name = '', encoded = ''] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  if (!isKeyName(name)) throw new FormatError('not a signature line');
  const bytes = decodeBase64(encoded);
  if (bytes.length <= KEY_ID_BYTES) throw new FormatError('the signature is too short');
  const keyId = Buffer.from(bytes.subarray(0, KEY_ID_BYTES)).toString('hex');
  return { name, keyId, signature: bytes.subarray(KEY_ID_BYTES) };
}

/**
 * Opens a signed note: every signature by a known key must hold, and there must be one; signatures of unknown keys are
 * listed and otherwise ignored, so that keys can rotate and witnesses can add theirs (c2sp.org/signed-note, "Signatures").
 * Stricter than the specification in one point: a known key may sign only once.
 *
 * @returns the text with the keys that vouch for it, or why it must not be used; never throws on a bad note
 * @example const opened = openNote(checkpointBytes, [noteVerifier(vkey)]);
 */
export function openNote(note: string | Uint8Array, verifiers: readonly NoteVerifier[]): OpenedNote {
  try {
    return checkSignatures(splitNote(note), verifiers);
  } catch (error) {
    if (error instanceof FormatError) return { ok: false, reason: error.message };
    throw error;
  }
}

function checkSignatures(note: SplitNote, verifiers: readonly NoteVerifier[]): OpenedNote {
  const bytes = Buffer.from(note.text, 'utf8');
  const verified: NoteKey[] = [];
  const unknown: NoteKey[] = [];
  for (const { name, keyId, signature } of note.signatures) {
    const matching = verifiers.filter((verifier) => verifier.name === name && verifier.keyId === keyId);
    const [verifier] = matching;
    if (verifier === undefined) {
      unknown.push({ name, keyId });
      continue;
    }
    const key = `${name}+${keyId}`;
    if (matching.length > 1) return { ok: false, reason: `two verification keys are both ${key}` };
    if (verified.some((known) => known.name === name && known.keyId === keyId)) {
      return { ok: false, reason: `two signatures by ${key}` };
    }
    if (!verifier.verify(bytes, signature)) return { ok: false, reason: `the signature by ${key} does not hold` };
    verified.push({ name, keyId });
  }
  if (verified.length === 0) return { ok: false, reason: 'no signature by a known key' };
  return { ok: true, text: note.text, verified, unknown };
}
