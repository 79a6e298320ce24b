import { decodeBase64, encodeBase64 } from './base64.js';
import { FormatError } from './errors.js';
import { HASH_BYTES } from './hash.js';
import { openNote } from './note.js';
import type { NoteKey, NoteVerifier } from './note-key.js';

const MAX_ORIGIN_CHARACTERS = 255;

/** The head of a log at one size. */
export interface Checkpoint {
  /** The log's identity: a URL without scheme. One line. */
  readonly origin: string;
  /** Leaves in the log. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** What {@link openCheckpoint} found. */
export type OpenedCheckpoint =
  | {
      readonly ok: true;
      readonly checkpoint: Checkpoint;
      readonly verified: readonly NoteKey[];
      readonly unknown: readonly NoteKey[];
    }
  | { readonly ok: false; readonly reason: string };

function isOrigin(origin: string): boolean {
  return origin.length > 0 && origin.length <= MAX_ORIGIN_CHARACTERS && !/[\p{Cc}\p{Cs}]/u.test(origin);
}

/**
 * A whole number as the formats write it: decimal digits without leading zeroes.
 *
 * @returns `undefined` for any other spelling and beyond 2^53 - 1
 */
export function parseDecimal(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * Text of a checkpoint, ready to be signed (c2sp.org/tlog-checkpoint): origin, size and root, one line each.
 * Extension lines are neither written nor accepted: monitors could not audit them.
 *
 * @throws RangeError when a part cannot be written
 * @example formatCheckpoint({ origin: 'example.com/audit', size: 0, root: emptyRoot() })
 */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  if (!isOrigin(origin)) throw new RangeError('the origin of a log is one line of text');
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError('the size of a log is a whole number');
  if (root.length !== HASH_BYTES) throw new RangeError('the root of a log is 32 bytes');
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/**
 * The checkpoint a text says; the text must be exactly what {@link formatCheckpoint} writes for it.
 *
 * @param text with its final newline, without signatures
 * @throws FormatError
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', sizeText = '', rootText = '', end, ...more] = text.split('\n');
  if (end !== '' || more.length > 0) throw new FormatError('a checkpoint is three lines');
  if (!isOrigin(origin)) throw new FormatError('the checkpoint has no origin');
  const size = parseDecimal(sizeText);
  if (size === undefined) throw new FormatError('the size of the checkpoint is not a number');
  const root = decodeBase64(rootText);
  if (root.length !== HASH_BYTES) throw new FormatError('the root of the checkpoint is not 32 bytes');
  return { origin, size, root };
}

/**
 * Opens a signed checkpoint of one log: the signatures as {@link openNote} does, then the text, then that the log signed it:
 * a verified key carries the origin's name.
 *
 * @param origin the log's identity; a checkpoint of another log is refused
 * @example openCheckpoint(note, [noteVerifier(vkey)], 'example.com/audit')
 */
export function openCheckpoint(
  note: string | Uint8Array,
  verifiers: readonly NoteVerifier[],
  origin: string,
): OpenedCheckpoint {
  const opened = openNote(note, verifiers);
  if (!opened.ok) return opened;
  try {
    const checkpoint = parseCheckpoint(opened.text);
    if (checkpoint.origin !== origin) return { ok: false, reason: 'the checkpoint is of another log' };
    if (!opened.verified.some((key) => key.name === origin)) return { ok: false, reason: 'not signed by the log' };
    return { ok: true, checkpoint, verified: opened.verified, unknown: opened.unknown };
  } catch (error) {
    if (error instanceof FormatError) return { ok: false, reason: error.message };
    throw error;
  }
}
