import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatCheckpoint } from './checkpoint.js';
import { FormatError } from './errors.js';
import { signNote } from './note.js';
import { noteSigner } from './note-key.js';
import { testLeaf } from './testdata/memory-log.js';
import {
  formatProof,
  MAX_PROOF_ENTRY_BYTES,
  parseProof,
  parseProofs,
  splitProofs,
  type TlogProof,
} from './tlog-proof.js';

const origin = 'example.com/fancylog';
const signer = noteSigner(origin, generateKeyPairSync('ed25519').privateKey);
const checkpoint = signNote(formatCheckpoint({ origin, size: 109_482, root: testLeaf(0) }), signer);
const entry = Buffer.from('{"id":1}');
const proof: TlogProof = { entry: new Uint8Array(entry), index: 73_894, hashes: [1, 2, 3].map(testLeaf), checkpoint };
const text = formatProof(proof);

describe('formatProof', () => {
  it('writes the layout of c2sp.org/tlog-proof@v1', () => {
    const hashes = proof.hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
    expect(text).toBe(
      `c2sp.org/tlog-proof@v1\nextra ${entry.toString('base64')}\nindex 73894\n${hashes}\n${checkpoint}`,
    );
  });

  it('writes a proof without an entry and one without hashes', () => {
    expect(formatProof({ index: 0, hashes: [], checkpoint })).toBe(`c2sp.org/tlog-proof@v1\nindex 0\n\n${checkpoint}`);
  });

  it.each<[string, Partial<TlogProof>]>([
    ['an empty entry', { entry: new Uint8Array() }],
    ['an entry over 1 MiB', { entry: new Uint8Array(MAX_PROOF_ENTRY_BYTES + 3) }],
    ['a negative index', { index: -1 }],
    ['a fractional index', { index: 1.5 }],
    ['an index past 2^53', { index: 2 ** 53 }],
    ['a short hash', { hashes: [new Uint8Array(31)] }],
    ['65 hashes', { hashes: new Array(65).fill(testLeaf(0)) }],
    ['an unsigned checkpoint', { checkpoint: formatCheckpoint({ origin, size: 1, root: testLeaf(0) }) }],
    ['a note that is no checkpoint', { checkpoint: signNote('hello\n', signer) }],
    ['a checkpoint with something after it', { checkpoint: `${checkpoint}\n` }],
    [
      'a log named like the header',
      {
        checkpoint: signNote(
          formatCheckpoint({ origin: 'c2sp.org/tlog-proof@v1', size: 1, root: testLeaf(0) }),
          signer,
        ),
      },
    ],
  ])('refuses %s', (_, part) => {
    expect(() => formatProof({ ...proof, ...part })).toThrow(FormatError);
  });
});

describe('parseProofs', () => {
  const bytes = (file: string) => Buffer.from(file, 'utf8');

  it('reads back one proof and many, joined with nothing between', () => {
    const second = { index: 0, hashes: [], checkpoint };
    expect(parseProof(bytes(text))).toEqual(proof);
    expect(parseProofs(bytes(text + formatProof(second) + text))).toEqual([proof, second, proof]);
  });

  it('round-trips every proof', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const arbitrary = fc.record({
      entry: fc.uint8Array({ minLength: 1, maxLength: 200 }),
      index: fc.maxSafeNat(),
      hashes: fc.array(hash, { maxLength: 64 }),
      checkpoint: fc.constant(checkpoint),
    });
    fc.assert(
      fc.property(fc.array(arbitrary, { minLength: 1, maxLength: 4 }), (proofs) => {
        expect(parseProofs(bytes(proofs.map(formatProof).join('')))).toEqual(proofs);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['another header', text.replace('@v1', '@v2')],
    ['a header after an empty line', `\n${text}`],
    ['an empty line between proofs', `${text}\n${text}`],
    ['an empty line at the end', `${text}\n`],
    ['a cut last newline', text.slice(0, -1)],
    ['carriage returns', text.replaceAll('\n', '\r\n')],
    ['extra after index', text.replace(/(extra .*\n)(index .*\n)/, '$2$1')],
    ['two extra lines', text.replace(/(extra .*\n)/, '$1$1')],
    ['two index lines', text.replace(/(index .*\n)/, '$1$1')],
    ['no index line', text.replace(/index .*\n/, '')],
    ['an empty extra line', text.replace(/extra .*\n/, 'extra \n')],
    ['a leading zero', text.replace('index 7', 'index 07')],
    ['a sign', text.replace('index 7', 'index +7')],
    ['two spaces', text.replace('index 7', 'index  7')],
    ['a space after the index', text.replace('73894\n', '73894 \n')],
    ['another spelling of the entry', text.replace(/(extra .*)=\n/, '$1\n')],
    ['no checkpoint', text.slice(0, text.indexOf('\n\n') + 2)],
    ['no line before the checkpoint', text.replace('\n\n', '\n')],
    ['an extension line', text.replace(/(\n109482\n.*\n)/, '$1extension\n')],
    ['a byte order mark', `\ufeff${text}`],
  ])('refuses %s', (_, file) => {
    expect(() => parseProofs(bytes(file))).toThrow(FormatError);
  });

  it('names the proof that is wrong', () => {
    expect(() => parseProofs(bytes(text + text.replace('index 7', 'index x') + text))).toThrow('proof 2: ');
  });

  it('refuses more than 100,000 proofs before reading any', () => {
    expect(() => splitProofs(bytes('c2sp.org/tlog-proof@v1\n'.repeat(100_001)))).toThrow('too many proofs');
    expect(splitProofs(bytes('c2sp.org/tlog-proof@v1\n'.repeat(100_000)))).toHaveLength(100_000);
  });

  it('cuts any file into sections that together are the file', () => {
    const line = fc.constantFrom(
      'c2sp.org/tlog-proof@v1\n',
      'extra AA==\n',
      'index 4\n',
      '\u2014 a b\n',
      '\n',
      'x\n',
      'y',
    );
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 30 }), (lines) => {
        const sections = splitProofs(bytes(lines.join('')));
        expect(Buffer.concat(sections.map((section) => section.bytes)).toString()).toBe(lines.join(''));
        expect(sections.every((section, i) => section.ordinal === i + 1 && section.bytes.length > 0)).toBe(true);
      }),
    );
  });
});
