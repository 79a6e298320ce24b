import { createHash } from 'node:crypto';
import { defineProblems, ProblemError } from '@gatehouse/http';

defineProblems({
  share_malformed: { status: 400, title: 'This is no share of a seal, or a letter of it is wrong' },
  share_of_other_set: { status: 400, title: 'This share belongs to another seal, or to one that was replaced' },
});

const formatVersion = 1;
const setIdBytes = 8;
const shareBytes = 33;
const checkBytes = 4;
const length = 1 + setIdBytes + shareBytes + checkBytes;

/** `gsh_` and 46 bytes in base64url without padding. */
export const sharePattern = /^gsh_[A-Za-z0-9_-]{62}$/;

const checkOf = (body: Uint8Array): Buffer => createHash('sha256').update(body).digest().subarray(0, checkBytes);

/**
 * A share as people carry it: format version 1 (1), id of the key it is a part of (8), the share (33), check (4). The check
 * finds slips of the pen; that a share is right shows only when all of them open the root key.
 *
 * @param setId 16 hexadecimal digits: those of a set belong together, and a replaced set is recognised
 */
export function shareText(setId: string, share: Uint8Array): string {
  const body = Buffer.concat([Buffer.of(formatVersion), Buffer.from(setId, 'hex'), share]);
  const text = `gsh_${Buffer.concat([body, checkOf(body)]).toString('base64url')}`;
  body.fill(0);
  return text;
}

/** @throws ProblemError `share_malformed`, `share_of_other_set`; neither repeats the text */
export function parseShare(text: string, setId: string): Uint8Array {
  const bytes = sharePattern.test(text) ? Buffer.from(text.slice('gsh_'.length), 'base64url') : Buffer.alloc(0);
  const body = bytes.subarray(0, length - checkBytes);
  const isWhole = bytes.length === length && bytes[0] === formatVersion;
  if (!isWhole || !checkOf(body).equals(bytes.subarray(length - checkBytes))) throw new ProblemError('share_malformed');
  if (body.subarray(1, 1 + setIdBytes).toString('hex') !== setId) throw new ProblemError('share_of_other_set');
  const share = Uint8Array.from(body.subarray(1 + setIdBytes));
  bytes.fill(0);
  return share;
}
