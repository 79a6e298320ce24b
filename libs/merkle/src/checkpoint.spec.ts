import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from './checkpoint.js';
import { FormatError } from './errors.js';
import { signNote } from './note.js';
import { formatVkey, noteSigner, noteVerifier } from './note-key.js';
import { hex } from './testdata/memory-log.js';

// The example of c2sp.org/tlog-checkpoint.
const EXAMPLE = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
const { privateKey } = generateKeyPairSync('ed25519');
const origin = 'example.com/behind-the-sofa';
const signer = noteSigner(origin, privateKey);
const verifier = noteVerifier(formatVkey(origin, privateKey));

describe('checkpoint text', () => {
  it("reads and writes the specification's example", () => {
    const checkpoint = parseCheckpoint(EXAMPLE);
    expect(checkpoint.origin).toBe(origin);
    expect(checkpoint.size).toBe(20_852_163);
    expect(hex(checkpoint.root)).toBe('0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62');
    expect(formatCheckpoint(checkpoint)).toBe(EXAMPLE);
  });

  it('round-trips every checkpoint', () => {
    const roots = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40 }), fc.maxSafeNat(), roots, (name, size, root) => {
        const checkpoint = { origin: name, size, root };
        expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint);
      }),
    );
  });

  it.each([
    ['no final newline', EXAMPLE.slice(0, -1)],
    ['an extension line', `${EXAMPLE}more\n`],
    ['an empty line', `${EXAMPLE}\n`],
    ['no origin', EXAMPLE.replace(origin, '')],
    ['a carriage return', EXAMPLE.replace('\n', '\r\n')],
    ['a leading zero', EXAMPLE.replace('2085', '02085')],
    ['a sign', EXAMPLE.replace('2085', '+2085')],
    ['a size past 2^53', EXAMPLE.replace('20852163', '9007199254740992')],
    ['a fraction', EXAMPLE.replace('20852163', '2.5')],
    ['a short root', EXAMPLE.replace('CsUY', '')],
    ['a root in another spelling', EXAMPLE.replace('q2I=', 'q2J=')],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(FormatError);
  });

  it('refuses to write what it would not read', () => {
    const root = new Uint8Array(32);
    for (const bad of [
      { origin: '', size: 1, root },
      { origin: 'a\nb', size: 1, root },
      { origin: 'a\r', size: 1, root },
      { origin: '\ud800', size: 1, root },
      { origin, size: -1, root },
      { origin, size: 1.5, root },
      { origin, size: 2 ** 53, root },
      { origin, size: 1, root: new Uint8Array(31) },
    ]) {
      expect(() => formatCheckpoint(bad)).toThrow(RangeError);
    }
  });
});

describe('openCheckpoint', () => {
  const note = signNote(EXAMPLE, signer);

  it('gives the checkpoint of the log that signed it', () => {
    expect(openCheckpoint(note, [verifier], origin)).toMatchObject({ ok: true, checkpoint: { size: 20_852_163 } });
  });

  it('refuses another log, a text that is no checkpoint, and one not signed by the log itself', () => {
    const other = noteSigner('witness.example', generateKeyPairSync('ed25519').privateKey);
    const otherKey = generateKeyPairSync('ed25519').privateKey;
    const witness = noteSigner('witness.example', otherKey);
    const witnessVerifier = noteVerifier(formatVkey('witness.example', otherKey));
    expect(openCheckpoint(note, [verifier], 'example.com/other')).toEqual({
      ok: false,
      reason: 'the checkpoint is of another log',
    });
    expect(openCheckpoint(signNote('hello\n', signer), [verifier], origin).ok).toBe(false);
    expect(openCheckpoint(signNote(EXAMPLE, witness), [verifier, witnessVerifier], origin)).toEqual({
      ok: false,
      reason: 'not signed by the log',
    });
    expect(openCheckpoint(signNote(EXAMPLE, other), [verifier], origin).ok).toBe(false);
    expect(openCheckpoint(signNote(EXAMPLE, signer, witness), [verifier, witnessVerifier], origin).ok).toBe(true);
  });
});
