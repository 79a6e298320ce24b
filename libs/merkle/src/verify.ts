import { type OpenedCheckpoint, openCheckpoint } from './checkpoint.js';
import { FormatError } from './errors.js';
import { hashLeaf } from './hash.js';
import { type NoteVerifier, noteVerifier } from './note-key.js';
import { type ProofSection, parseProof, splitProofs } from './tlog-proof.js';
import { verifyInclusion } from './verify-proof.js';

/** An entry that is proven to be in the log. */
export interface ProvenEntry {
  readonly index: number;
  /** Size of the log at the checkpoint that proves it. */
  readonly size: number;
  /** The bytes that were logged. */
  readonly entry: Uint8Array;
}

/** Why a proof does not hold. */
export interface ProofProblem {
  /** Place of the proof in the file, from 1; 0 when the file as a whole or the key is at fault. */
  readonly ordinal: number;
  /** The entry's index as the proof claims it, when it says one. */
  readonly index: number | undefined;
  readonly reason: string;
}

/** Verdict on a file of proofs. It is about the proofs in the file; it cannot know of proofs left out. */
export type ProofFileVerdict =
  | { readonly ok: true; readonly origin: string; readonly entries: readonly ProvenEntry[] }
  | { readonly ok: false; readonly problems: readonly ProofProblem[] };

/** What all proofs of one file must agree on. */
interface Log {
  readonly origin: string;
  readonly verifiers: readonly NoteVerifier[];
  /** Proofs made together carry the same checkpoint; its signature is checked once. */
  readonly checkpoints: Map<string, OpenedCheckpoint>;
  readonly rootOfSize: Map<number, string>;
  readonly leafOfIndex: Map<number, string>;
}

class ProofRefused extends Error {}

/**
 * Verifies a file of proofs offline: only the file and the log's public key, no server, no clock.
 *
 * Every byte of the file counts. Beyond each signature and each inclusion proof it refuses signatures by other keys (nothing
 * would protect their bytes), two roots for one size (a split view), and two entries at one index.
 *
 * @param file bytes of a `.tlog-proof` file, 1 to 100,000 proofs, at most 64 MiB
 * @param vkeys the log's verification key, or, for a log that has changed keys, all of them; one name, the log's origin
 * @returns the proven entries in file order, or every problem found, each naming its entry; does not throw
 * @example
 * const verdict = verifyProofFile(await readFile('evidence.tlog-proof'), vkey);
 * if (!verdict.ok) for (const { ordinal, index, reason } of verdict.problems) console.error(ordinal, index, reason);
 */
export function verifyProofFile(file: Uint8Array, vkeys: string | readonly string[]): ProofFileVerdict {
  const whole = (reason: string): ProofFileVerdict => ({
    ok: false,
    problems: [{ ordinal: 0, index: undefined, reason }],
  });
  try {
    const log = openLog(typeof vkeys === 'string' ? [vkeys] : vkeys);
    const sections = splitProofs(file);
    const entries: ProvenEntry[] = [];
    const problems: ProofProblem[] = [];
    for (const section of sections) {
      const result = verifySection(section, log);
      if ('reason' in result) problems.push(result);
      else entries.push(result);
    }
    return problems.length === 0 ? { ok: true, origin: log.origin, entries } : { ok: false, problems };
  } catch (error) {
    if (error instanceof FormatError) return whole(error.message);
    throw error;
  }
}

function openLog(vkeys: readonly string[]): Log {
  const verifiers = [...new Set(vkeys)].map(noteVerifier);
  const origin = verifiers[0]?.name;
  if (origin === undefined) throw new FormatError('no verification key was given');
  if (verifiers.some((verifier) => verifier.name !== origin)) {
    throw new FormatError('the verification keys are of different logs');
  }
  return { origin, verifiers, checkpoints: new Map(), rootOfSize: new Map(), leafOfIndex: new Map() };
}

function verifySection(section: ProofSection, log: Log): ProvenEntry | ProofProblem {
  try {
    return proveEntry(section, log);
  } catch (error) {
    if (error instanceof FormatError || error instanceof ProofRefused) {
      return { ordinal: section.ordinal, index: section.index, reason: error.message };
    }
    throw error;
  }
}

function proveEntry(section: ProofSection, log: Log): ProvenEntry {
  const { entry, index, hashes, checkpoint: note } = parseProof(section.bytes);
  if (entry === undefined) throw new ProofRefused('the proof does not carry its entry');
  const { size, root } = trustedCheckpoint(note, log);
  if (index >= size) throw new ProofRefused('the index is not below the size of the log');
  const leafHash = hashLeaf(entry);
  if (!verifyInclusion({ index, size, leafHash, proof: hashes, root })) {
    throw new ProofRefused('the entry is not in the log at this index');
  }
  agree(log.leafOfIndex, index, leafHash, 'the log has two different entries at this index');
  return { index, size, entry };
}

function trustedCheckpoint(note: string, log: Log): { size: number; root: Uint8Array } {
  const opened = log.checkpoints.get(note) ?? openCheckpoint(note, log.verifiers, log.origin);
  log.checkpoints.set(note, opened);
  if (!opened.ok) throw new ProofRefused(opened.reason);
  if (opened.unknown.length > 0) throw new ProofRefused('the checkpoint has a signature by an unknown key');
  const { size, root } = opened.checkpoint;
  agree(log.rootOfSize, size, root, 'the log signed two different roots for this size');
  return { size, root };
}

function agree(known: Map<number, string>, key: number, hash: Uint8Array, reason: string): void {
  const text = Buffer.from(hash).toString('hex');
  if ((known.get(key) ?? text) !== text) throw new ProofRefused(reason);
  known.set(key, text);
}
