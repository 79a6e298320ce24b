import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FormatError } from './errors.js';
import { MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES, openNote, signNote } from './note.js';
import { formatVkey, isKeyName, noteSigner, noteVerifier } from './note-key.js';

// The published key pair and note of golang.org/x/mod/sumdb/note (note_test.go): a test vector, not a secret.
const VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const SKEY_BYTES = 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const ENOCH_VKEY = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop';
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER =
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
const ENOCH =
  '\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n';
const NOTE = `${TEXT}\n${PETER}`;

// RFC 8410 wrapping of the 32-byte seed.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const privateKey = createPrivateKey({
  key: Buffer.concat([PKCS8_PREFIX, Buffer.from(SKEY_BYTES, 'base64').subarray(1)]),
  format: 'der',
  type: 'pkcs8',
});
const peter = noteSigner('PeterNeumann', privateKey);
const verifier = noteVerifier(VKEY);
const enoch = noteVerifier(ENOCH_VKEY);

describe('note keys', () => {
  it('writes and reads the published verification key', () => {
    expect(formatVkey('PeterNeumann', privateKey)).toBe(VKEY);
    expect([verifier.name, verifier.keyId, peter.keyId]).toEqual(['PeterNeumann', 'c74f20a3', 'c74f20a3']);
  });

  it('refuses every proper part of a verification key, and every key with one character changed', () => {
    for (let from = 0; from <= VKEY.length; from++) {
      for (let to = from + 1; to <= VKEY.length; to++) {
        if (to - from < VKEY.length) expect(() => noteVerifier(VKEY.slice(from, to))).toThrow(FormatError);
      }
      const next = String.fromCharCode(VKEY.charCodeAt(from) + 1);
      if (from < VKEY.length) {
        expect(() => noteVerifier(VKEY.slice(0, from) + next + VKEY.slice(from + 1))).toThrow(FormatError);
      }
    }
  });

  it('refuses a key of another length or type whose id fits', () => {
    const wrong = [
      'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
      'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
      'PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
      `${VKEY}\n`,
      ` ${VKEY}`,
      '',
    ];
    for (const vkey of wrong) expect(() => noteVerifier(vkey)).toThrow(FormatError);
  });

  it('round-trips any key and name it accepts', () => {
    const { privateKey: key, publicKey } = generateKeyPairSync('ed25519');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        if (!isKeyName(name)) {
          expect(() => noteSigner(name, key)).toThrow(RangeError);
          return;
        }
        const vkey = formatVkey(name, publicKey);
        expect(formatVkey(name, key)).toBe(vkey);
        expect(openNote(signNote('x\n', noteSigner(name, key)), [noteVerifier(vkey)]).ok).toBe(true);
      }),
    );
  });

  it.each([
    '',
    'a b',
    'a+b',
    'a\u00a0b',
    'a\u2028b',
    'a\u3000',
    '\u0085',
    'a\tb',
    'a\u0000',
    '\ud800',
    'x'.repeat(256),
  ])('refuses the name %j', (name) => {
    expect(isKeyName(name)).toBe(false);
  });

  it('refuses other kinds of keys, and to sign with a public one', () => {
    expect(() => noteSigner('a', generateKeyPairSync('x25519').privateKey)).toThrow(TypeError);
    expect(() => noteSigner('a', generateKeyPairSync('ed25519').publicKey)).toThrow(TypeError);
  });
});

describe('signNote', () => {
  it('writes the published note to the byte', () => {
    expect(signNote(TEXT, peter)).toBe(NOTE);
  });

  it('refuses texts that cannot be a note and signers that cannot be told apart', () => {
    for (const text of ['', 'abc', 'a\r\n', 'a\u0000\n', '\t\n', '\ud800\n', `${'a'.repeat(MAX_NOTE_BYTES)}\n`]) {
      expect(() => signNote(text, peter)).toThrow(FormatError);
    }
    expect(() => signNote(TEXT)).toThrow(RangeError);
    expect(() => signNote(TEXT, peter, peter)).toThrow(RangeError);
  });
});

describe('openNote', () => {
  it('tells verified and unknown keys apart', () => {
    const both = TEXT.concat('\n', PETER, ENOCH);
    const [p, e] = [
      { name: 'PeterNeumann', keyId: 'c74f20a3' },
      { name: 'EnochRoot', keyId: 'af0cfe78' },
    ];
    expect(openNote(both, [verifier])).toEqual({ ok: true, text: TEXT, verified: [p], unknown: [e] });
    expect(openNote(Buffer.from(both), [verifier, enoch])).toEqual({
      ok: true,
      text: TEXT,
      verified: [p, e],
      unknown: [],
    });
    expect(openNote(both, [])).toEqual({ ok: false, reason: 'no signature by a known key' });
  });

  it('takes the last empty line as the end of the text, and a byte order mark as text', () => {
    for (const text of ['\n', '\n\n', 'a\n\nb\n', '\ufeffa\n', 'a\u007f\u2028\n']) {
      expect(openNote(Buffer.from(signNote(text, peter)), [verifier])).toMatchObject({ ok: true, text });
    }
  });

  it('refuses a note whose known key signed wrongly, even when another signature holds', () => {
    const bad = `${ENOCH.slice(0, 60)}ABCD${ENOCH.slice(60)}`;
    expect(openNote(TEXT.concat('\n', PETER, bad), [verifier, enoch])).toEqual({
      ok: false,
      reason: 'the signature by EnochRoot+af0cfe78 does not hold',
    });
    expect(openNote(TEXT.concat('\n', PETER, bad), [verifier]).ok).toBe(true);
    expect(openNote(TEXT.concat('x\n\n', PETER), [verifier]).ok).toBe(false);
  });

  it('refuses two signatures or two verifiers of one name and id', () => {
    expect(openNote(NOTE + PETER, [verifier])).toEqual({
      ok: false,
      reason: 'two signatures by PeterNeumann+c74f20a3',
    });
    expect(openNote(NOTE, [verifier, noteVerifier(VKEY)]).ok).toBe(false);
    expect(openNote(NOTE, [enoch, verifier, enoch]).ok).toBe(true);
  });

  it('accepts 32 signatures and no more', () => {
    const others = Array.from({ length: MAX_NOTE_SIGNATURES }, (_, i) =>
      noteSigner(`key${i}`, generateKeyPairSync('ed25519').privateKey),
    );
    const full = signNote(TEXT, peter, ...others.slice(1));
    expect(openNote(full, [verifier]).ok).toBe(true);
    expect(openNote(full + ENOCH, [verifier]).ok).toBe(false);
    expect(() => signNote(TEXT, peter, ...others)).toThrow(RangeError);
  });

  it.each([
    ['no signature', TEXT],
    ['an empty signature block', `${TEXT}\n`],
    ['a cut last newline', NOTE.slice(0, -1)],
    ['a control character', `\u0001${NOTE}`],
    ['carriage returns', NOTE.replaceAll('\n', '\r\n')],
    ['a name with a space', NOTE.replace('PeterNeumann', 'Peter Neumann')],
    ['a name with a plus', NOTE.replace('PeterNeumann', 'Peter+Neumann')],
    ['an unexpected line', `${NOTE}Unexpected line.\n`],
    ['an empty line at the end', `${NOTE}\n`],
    ['a hyphen for the dash', NOTE.replace('\u2014', '-')],
    ['two spaces', NOTE.replace('PeterNeumann ', 'PeterNeumann  ')],
    ['a space at the end', NOTE.replace('nAM=\n', 'nAM= \n')],
    ['missing padding', NOTE.replace('nAM=', 'nAM')],
    ['set unused bits', NOTE.replace('nAM=', 'nAN=')],
    ['the URL alphabet', NOTE.replace('x08go/', 'x08go_')],
    ['a signature of nothing but an id', `${TEXT}\n\u2014 PeterNeumann x08gow==\n`],
    ['a lone surrogate', `\ud800${NOTE}`],
    ['too many bytes', 'a'.repeat(MAX_NOTE_BYTES) + NOTE],
  ])('refuses %s', (_, note) => {
    expect(openNote(note, [verifier]).ok).toBe(false);
  });

  it('refuses invalid UTF-8', () => {
    expect(openNote(Buffer.concat([Uint8Array.of(0xff), Buffer.from(NOTE)]), [verifier])).toEqual({
      ok: false,
      reason: 'not valid UTF-8',
    });
  });

  it('refuses every note with one bit changed', () => {
    const bytes = Buffer.from(NOTE);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(openNote(changed, [verifier]).ok).toBe(false);
    }
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => !openNote(bytes, [verifier]).ok));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (tail) => !openNote(`${NOTE}${tail}x`, [verifier]).ok));
  });
});
