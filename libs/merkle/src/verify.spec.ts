import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatCheckpoint } from './checkpoint.js';
import { hashLeaf } from './hash.js';
import { signNote } from './note.js';
import { formatVkey, type NoteSigner, noteSigner } from './note-key.js';
import { inclusionProof } from './proofs.js';
import { MemoryLog } from './testdata/memory-log.js';
import { formatProof, MAX_PROOF_FILE_BYTES } from './tlog-proof.js';
import { type ProofFileVerdict, type ProofProblem, verifyProofFile } from './verify.js';

const origin = 'gatehouse.example/audit';
const { privateKey } = generateKeyPairSync('ed25519');
const signer = noteSigner(origin, privateKey);
const vkey = formatVkey(origin, privateKey);

/** Canonical envelopes of different lengths, so that base64 ends with no, one and two padding characters. */
const envelope = (index: number) =>
  Buffer.from(JSON.stringify({ actor: { id: 'x'.repeat(index % 3), type: 'user' }, index, type: 'decision.recorded' }));

const logOf = (size: number, entryOf = envelope): MemoryLog => {
  const log = new MemoryLog();
  log.append(Array.from({ length: size }, (_, i) => hashLeaf(entryOf(i))));
  return log;
};

const prove = async (log: MemoryLog, index: number, entry = envelope(index), signers: NoteSigner[] = [signer]) => {
  const { size } = log.frontier;
  const checkpoint = signNote(formatCheckpoint({ origin, size, root: log.frontier.root() }), ...signers);
  return formatProof({ entry, index, hashes: await inclusionProof(index, size, log.reader), checkpoint });
};

const problemsOf = (verdict: ProofFileVerdict): readonly ProofProblem[] => (verdict.ok ? [] : verdict.problems);
const verify = (file: string) => verifyProofFile(Buffer.from(file), vkey);

describe('verifyProofFile', () => {
  const log = logOf(300);

  it('proves the entries of a file, at one size and at several', async () => {
    const file = (await prove(log, 7)) + (await prove(log, 299)) + (await prove(logOf(9), 7));
    expect(verify(file)).toEqual({
      ok: true,
      origin,
      entries: [
        { index: 7, size: 300, entry: new Uint8Array(envelope(7)) },
        { index: 299, size: 300, entry: new Uint8Array(envelope(299)) },
        { index: 7, size: 9, entry: new Uint8Array(envelope(7)) },
      ],
    });
  });

  it('proves the only entry of a log', async () => {
    expect(verify(await prove(logOf(1), 0)).ok).toBe(true);
  });

  it('names the one proof that is wrong among right ones', async () => {
    const wrong = await prove(log, 8, envelope(9));
    expect(verify((await prove(log, 7)) + wrong + (await prove(log, 10)))).toEqual({
      ok: false,
      problems: [{ ordinal: 2, index: 8, reason: 'the entry is not in the log at this index' }],
    });
  });

  it('names every proof that is wrong', async () => {
    const wrong = await prove(log, 8, envelope(9));
    expect(problemsOf(verify(wrong + (await prove(log, 7)) + wrong)).map(({ ordinal }) => ordinal)).toEqual([1, 3]);
  });

  it('accepts the old and the new key of a log, and refuses a signature by any other', async () => {
    const next = generateKeyPairSync('ed25519').privateKey;
    const nextVkey = formatVkey(origin, next);
    const file = Buffer.from((await prove(log, 7)) + (await prove(log, 8, envelope(8), [noteSigner(origin, next)])));
    expect(verifyProofFile(file, [vkey, nextVkey]).ok).toBe(true);
    expect(verifyProofFile(file, [vkey, vkey, nextVkey]).ok).toBe(true);
    expect(verifyProofFile(file, vkey)).toMatchObject({ problems: [{ ordinal: 2, index: 8 }] });
    const both = Buffer.from(await prove(log, 8, envelope(8), [signer, noteSigner('witness.example', next)]));
    expect(verifyProofFile(both, vkey)).toMatchObject({
      problems: [{ ordinal: 1, index: 8, reason: 'the checkpoint has a signature by an unknown key' }],
    });
  });

  it('sees a split view: two signed roots for one size', async () => {
    const fork = logOf(300, (index) => envelope(index === 299 ? 1000 : index));
    const file = (await prove(log, 7)) + (await prove(fork, 8)) + (await prove(log, 9));
    expect(verify(file)).toEqual({
      ok: false,
      problems: [{ ordinal: 2, index: 8, reason: 'the log signed two different roots for this size' }],
    });
  });

  it('sees a rewritten log: two signed entries at one index', async () => {
    const fork = logOf(301, (index) => envelope(index === 7 ? 1000 : index));
    const file = (await prove(log, 7)) + (await prove(fork, 7, envelope(1000)));
    expect(verify(file)).toEqual({
      ok: false,
      problems: [{ ordinal: 2, index: 7, reason: 'the log has two different entries at this index' }],
    });
  });

  it('refuses a proof of another log under the same key', async () => {
    const root = log.frontier.root();
    const checkpoint = signNote(formatCheckpoint({ origin: 'gatehouse.example/other', size: 300, root }), signer);
    const hashes = await inclusionProof(7, 300, log.reader);
    expect(verify(formatProof({ entry: envelope(7), index: 7, hashes, checkpoint }))).toMatchObject({
      problems: [{ ordinal: 1, index: 7, reason: 'the checkpoint is of another log' }],
    });
  });

  it('refuses a proof without its entry, and an index not below the size', async () => {
    const root = log.frontier.root();
    const checkpoint = signNote(formatCheckpoint({ origin, size: 300, root }), signer);
    expect(problemsOf(verify(formatProof({ index: 7, hashes: [], checkpoint })))).toEqual([
      { ordinal: 1, index: 7, reason: 'the proof does not carry its entry' },
    ]);
    expect(problemsOf(verify(formatProof({ entry: envelope(7), index: 300, hashes: [], checkpoint })))).toEqual([
      { ordinal: 1, index: 300, reason: 'the index is not below the size of the log' },
    ]);
  });

  it('blames ordinal 0 for the file as a whole and for the key', async () => {
    const file = Buffer.from(await prove(log, 7));
    const whole = (verdict: ProofFileVerdict) => problemsOf(verdict).map(({ ordinal, index }) => [ordinal, index]);
    expect(whole(verify(''))).toEqual([[0, undefined]]);
    expect(whole(verifyProofFile(new Uint8Array(MAX_PROOF_FILE_BYTES + 1), vkey))).toEqual([[0, undefined]]);
    for (const keys of ['', 'nonsense', [], [vkey, formatVkey('other.example', privateKey)], vkey.replace('+', '-')]) {
      expect(whole(verifyProofFile(file, keys))).toEqual([[0, undefined]]);
    }
  });

  it('proves thousands of entries under one checkpoint, and finds the one that is wrong', async () => {
    const text = await prove(log, 7);
    expect(verify(text.repeat(2000)).ok).toBe(true);
    const wrong = text.repeat(1233) + text.replace('index 7', 'index 8') + text.repeat(766);
    expect(problemsOf(verify(wrong)).map(({ ordinal, index }) => [ordinal, index])).toEqual([[1234, 8]]);
  });
});

describe('a file of three proofs with one byte changed', () => {
  const texts: string[] = [];
  const indexes = [0, 4, 10];
  let file = Buffer.alloc(0);
  let ends: number[] = [];

  beforeAll(async () => {
    // Three sizes, so that no checkpoint repeats, and paths of several shapes: proofs of 0, 3 and 2 hashes.
    for (const [i, size] of [1, 6, 11].entries()) texts.push(await prove(logOf(size), indexes[i] ?? 0));
    file = Buffer.from(texts.join(''));
    ends = texts.map((_, i) => Buffer.byteLength(texts.slice(0, i + 1).join('')));
  });

  const ordinalAt = (position: number) => ends.findIndex((end) => position < end) + 1;

  /** Why this verdict on a file spoiled at `position` is not good enough, if it is not. */
  const complaint = (verdict: ProofFileVerdict, position: number): string | undefined => {
    if (verdict.ok) return `byte ${position}: accepted`;
    const ordinal = ordinalAt(position);
    const problem = verdict.problems.find((candidate) => candidate.ordinal === ordinal);
    if (problem === undefined) return `byte ${position}: proof ${ordinal} not named`;
    // Only a change of the index line itself can hide or alter the index.
    const start = ends[ordinal - 2] ?? 0;
    const line = file.indexOf('index ', start);
    const inIndexLine = position >= line - 1 && position <= file.indexOf('\n', line);
    if (!inIndexLine && problem.index !== indexes[ordinal - 1]) return `byte ${position}: index not named`;
    // The newline between two proofs belongs to both; any other byte must be blamed on its proof alone.
    if (!ends.includes(position + 1) && verdict.problems.length > 1)
      return `byte ${position}: another proof blamed too`;
    return undefined;
  };

  it('is accepted unchanged', () => {
    expect(verifyProofFile(file, vkey)).toMatchObject({ ok: true, entries: indexes.map((index) => ({ index })) });
  });

  it('never verifies, and the proof of that byte is named: every byte, every single bit and two masks', () => {
    const complaints: string[] = [];
    for (let position = 0; position < file.length; position++) {
      for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 0xff, 0x55]) {
        const changed = Buffer.from(file);
        changed[position] = (changed[position] ?? 0) ^ mask;
        const why = complaint(verifyProofFile(changed, vkey), position);
        if (why !== undefined) complaints.push(`${why} (mask ${mask})`);
      }
    }
    expect(complaints).toEqual([]);
  });

  it('never verifies with a byte replaced by a newline, space or carriage return', () => {
    const complaints: string[] = [];
    for (let position = 0; position < file.length; position++) {
      for (const byte of [0x0a, 0x20, 0x0d]) {
        if (file[position] === byte) continue;
        const changed = Buffer.from(file);
        changed[position] = byte;
        const why = complaint(verifyProofFile(changed, vkey), position);
        if (why !== undefined) complaints.push(`${why} (byte ${byte})`);
      }
    }
    expect(complaints).toEqual([]);
  });

  it('never verifies with a byte dropped, doubled or inserted', () => {
    const accepted: number[] = [];
    for (let position = 0; position < file.length; position++) {
      const [before, after] = [file.subarray(0, position), file.subarray(position)];
      const variants = [
        Buffer.concat([before, after.subarray(1)]),
        Buffer.concat([before, after.subarray(0, 1), after]),
        Buffer.concat([before, Buffer.from('\n'), after]),
        Buffer.concat([before, Buffer.from('A'), after]),
      ];
      for (const changed of variants) if (verifyProofFile(changed, vkey).ok) accepted.push(position);
    }
    expect(accepted).toEqual([]);
  });

  it('never verifies cut off anywhere but between two proofs', () => {
    for (let end = 0; end < file.length; end++) {
      expect(verifyProofFile(file.subarray(0, end), vkey).ok).toBe(ends.includes(end));
    }
  });

  it('never verifies with two lines swapped, and never throws on lines in any order', () => {
    const lines = file.toString().split(/(?<=\n)/);
    fc.assert(
      fc.property(fc.shuffledSubarray(lines), (shuffled) => {
        const verdict = verifyProofFile(Buffer.from(shuffled.join('')), vkey);
        return !verdict.ok || texts.some((text) => shuffled.join('').startsWith(text));
      }),
    );
    for (let i = 0; i + 1 < lines.length; i++) {
      const swapped = lines.with(i, lines[i + 1] ?? '').with(i + 1, lines[i] ?? '');
      expect(verifyProofFile(Buffer.from(swapped.join('')), vkey).ok).toBe(false);
    }
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => !verifyProofFile(bytes, vkey).ok));
  });
});
