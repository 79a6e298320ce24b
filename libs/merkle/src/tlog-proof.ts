import { decodeBase64, encodeBase64 } from './base64.js';
import { parseCheckpoint, parseDecimal } from './checkpoint.js';
import { FormatError } from './errors.js';
import { HASH_BYTES } from './hash.js';
import { decodeUtf8, splitNote } from './note.js';
import { MAX_PROOF_HASHES } from './verify-proof.js';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** Largest file of proofs, in bytes. */
export const MAX_PROOF_FILE_BYTES = 64 * 1024 * 1024;
/** Most proofs in one file. */
export const MAX_PROOFS_PER_FILE = 100_000;
/** Largest entry carried by a proof, in bytes: no bus message is longer. */
export const MAX_PROOF_ENTRY_BYTES = 1024 * 1024;

/** One offline proof that an entry is in a log (c2sp.org/tlog-proof@v1). */
export interface TlogProof {
  /** The entry itself, as hashed into the log: the format's "extra data". Unproven until the proof is verified. */
  readonly entry?: Uint8Array;
  /** Index of the entry. */
  readonly index: number;
  /** Inclusion proof, from the leaf's sibling up to the root's child, 32 bytes each. */
  readonly hashes: readonly Uint8Array[];
  /** The log's signed checkpoint, verbatim. */
  readonly checkpoint: string;
}

/** A stretch of a file that is, or was meant to be, one proof. */
export interface ProofSection {
  /** Place in the file, from 1. */
  readonly ordinal: number;
  /** The index its `index` line claims, when it still has one. */
  readonly index: number | undefined;
  readonly bytes: Uint8Array;
}

/**
 * One proof as text. A file of several proofs is their texts one after another with nothing between, so `cat` joins files:
 * the line `c2sp.org/tlog-proof@v1` begins a proof and cannot occur inside one.
 *
 * @throws FormatError when a part does not fit the format
 * @example formatProof({ entry, index: 5, hashes: await inclusionProof(5, 8, reader), checkpoint })
 */
export function formatProof(proof: TlogProof): string {
  const text = writeProof(proof);
  if (writeProof(readProof(text)) !== text) throw new FormatError('the proof cannot be written');
  return text;
}

function writeProof({ entry, index, hashes, checkpoint }: TlogProof): string {
  const extra = entry === undefined ? [] : [`extra ${encodeBase64(entry)}`];
  const lines = [HEADER, ...extra, `index ${index}`, ...hashes.map((hash) => encodeBase64(hash)), ''];
  return `${lines.join('\n')}\n${checkpoint}`;
}

function readProof(text: string): TlogProof {
  const gap = text.indexOf('\n\n');
  if (gap < 0) throw new FormatError('the proof has no checkpoint');
  const [header, ...lines] = text.slice(0, gap).split('\n');
  if (header !== HEADER) throw new FormatError('the proof does not begin with its format');
  const extra = lines[0]?.startsWith('extra ') ? lines.shift()?.slice('extra '.length) : undefined;
  const indexLine = lines.shift() ?? '';
  const index = indexLine.startsWith('index ') ? parseDecimal(indexLine.slice('index '.length)) : undefined;
  if (index === undefined) throw new FormatError('the proof has no index');
  if (lines.length > MAX_PROOF_HASHES) throw new FormatError('the proof has too many hashes');
  const hashes = lines.map(decodeBase64);
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) throw new FormatError('a hash of the proof is not 32 bytes');
  const checkpoint = text.slice(gap + 2);
  if (parseCheckpoint(splitNote(checkpoint).text).origin === HEADER) throw new FormatError('not an origin of a log');
  return { ...(extra === undefined ? {} : { entry: readEntry(extra) }), index, hashes, checkpoint };
}

function readEntry(extra: string): Uint8Array {
  if (extra.length > Math.ceil(MAX_PROOF_ENTRY_BYTES / 3) * 4) throw new FormatError('the entry is too large');
  const entry = decodeBase64(extra);
  if (entry.length === 0) throw new FormatError('the entry is empty');
  return entry;
}

/**
 * One proof from exactly its bytes.
 *
 * @throws FormatError unless {@link formatProof} would write the very same bytes
 */
export function parseProof(bytes: Uint8Array): TlogProof {
  const text = decodeUtf8(bytes);
  const proof = readProof(text);
  // The grammar above admits one spelling; this keeps it so when the grammar grows.
  if (writeProof(proof) !== text) throw new FormatError('the proof is not in its canonical spelling');
  return proof;
}

/**
 * All proofs of a file.
 *
 * @throws FormatError, naming the proof, unless the file is exactly the texts of its proofs one after another
 * @example parseProofs(await readFile('evidence.tlog-proof')).map((proof) => proof.index)
 */
export function parseProofs(file: Uint8Array): TlogProof[] {
  return splitProofs(file).map(({ ordinal, bytes }) => {
    try {
      return parseProof(bytes);
    } catch (error) {
      if (error instanceof FormatError) throw new FormatError(`proof ${ordinal}: ${error.message}`);
      throw error;
    }
  });
}

const SIGNATURE_LINE = Buffer.from('\u2014 ', 'utf8').toString('latin1');

/**
 * Cuts a file into its proofs, damaged ones too, so that a verifier can say which one is damaged. Every byte belongs to
 * exactly one section. Where a header is damaged, the lines after the signatures of one proof and before the `extra` or
 * `index` line of the next belong to the next.
 *
 * @throws FormatError for an empty file, one over 64 MiB, or one of more than 100,000 proofs
 */
export function splitProofs(file: Uint8Array): ProofSection[] {
  if (file.length === 0) throw new FormatError('there is no proof in the file');
  if (file.length > MAX_PROOF_FILE_BYTES) throw new FormatError('the file is too large');
  // Latin-1 keeps one character a byte, so positions in the text are positions in the file.
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1');
  const starts = sectionStarts(text);
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? file.length;
    return { ordinal: i + 1, index: claimedIndex(text.slice(start, end)), bytes: file.subarray(start, end) };
  });
}

function sectionStarts(text: string): number[] {
  const starts = [0];
  let afterSignatures: number | undefined;
  let inSignatures = false;
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const isHeader = end - start === HEADER.length && text.startsWith(HEADER, start);
    if (text.startsWith(SIGNATURE_LINE, start)) {
      inSignatures = true;
      afterSignatures = undefined;
    } else if (isHeader || inSignatures) {
      afterSignatures ??= start;
      const begins = isHeader ? start : afterSignatures;
      if (isHeader || text.startsWith('extra ', start) || text.startsWith('index ', start)) {
        if (begins > 0) starts.push(begins);
        inSignatures = false;
        afterSignatures = undefined;
      }
    }
    if (starts.length > MAX_PROOFS_PER_FILE) throw new FormatError('the file has too many proofs');
    start = end + 1;
  }
  return starts;
}

function claimedIndex(section: string): number | undefined {
  const [, digits = ''] = /^index ([0-9]{1,16})$/m.exec(section) ?? [];
  return parseDecimal(digits);
}
