import { formatCheckpoint, openCheckpoint, signNote } from '@gatehouse/merkle';
import type { LedgerHead } from '../ledger/ledger-head.js';
import type { LogIdentity, LogKey } from './log-key.js';
import { signTime, verifyTime } from './time-signature.js';

/** A checkpoint as it is stored and served. */
export interface SignedCheckpoint extends LedgerHead {
  /** The checkpoint with the log's signature alone: what goes into proof files. */
  readonly note: string;
  /** A second signature line, which proves when it was signed. */
  readonly timeSignature: string;
  /** Whole seconds. */
  readonly signedAt: Date;
}

/** The served form: the note with both signatures. */
export const checkpointText = ({ note, timeSignature }: SignedCheckpoint): string => note + timeSignature;

export function signCheckpoint(key: LogKey, { size, root }: LedgerHead, nowMs: number): SignedCheckpoint {
  const body = formatCheckpoint({ origin: key.origin, size, root });
  const seconds = Math.floor(nowMs / 1_000);
  return {
    size,
    root,
    note: signNote(body, key.signer),
    timeSignature: signTime(key.origin, key.privateKey, body, seconds),
    signedAt: new Date(seconds * 1_000),
  };
}

/** Reads {@link checkpointText}; answers why not, if any byte of it is not what the log signed. */
export function openCheckpointText(log: LogIdentity, text: string): SignedCheckpoint | { readonly problem: string } {
  const timeLine = text.lastIndexOf('\n', text.length - 2) + 1;
  const [note, timeSignature] = [text.slice(0, timeLine), text.slice(timeLine)];
  const opened = openCheckpoint(note, [log.verifier], log.origin);
  if (!opened.ok) return { problem: opened.reason };
  if (opened.unknown.length > 0) return { problem: 'it has a signature by an unknown key' };
  const { size, root } = opened.checkpoint;
  const body = note.slice(0, note.indexOf('\n\n') + 1);
  const seconds = verifyTime(log.origin, log.publicKey, body, timeSignature);
  if (seconds === undefined) return { problem: 'the signature of its time does not hold' };
  return { size, root, note, timeSignature, signedAt: new Date(seconds * 1_000) };
}
