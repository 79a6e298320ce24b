import { sealedField } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { maxSealedBytes, newSubjectKey, openField, sealField } from './subject-keys.js';

const key = newSubjectKey();
const ref = { subject: 'u_7', keyVersion: 3 };
const sealed = sealField(key, ref, 'email', 'acme', 'ann@example.org');
const refusal = (code: string) => expect.objectContaining({ name: 'CryptoError', code });

describe('sealField and openField', () => {
  it('give any well-formed text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(openField(key, sealField(key, ref, 'name', 'acme', text), 'name', 'acme')).toBe(text);
      }),
    );
  });

  it('have the shape of the envelope and show no plaintext', () => {
    expect(sealedField.parse(sealed)).toEqual(sealed);
    expect(sealed).toMatchObject({ subject: 'u_7', key: 3 });
    expect(Buffer.from(sealed.text, 'base64')).toHaveLength(12 + 'ann@example.org'.length + 16);
    expect(Buffer.from(sealed.text, 'base64').toString('latin1')).not.toContain('ann');
  });

  it('never seal the same text to the same bytes', () => {
    expect(sealField(key, ref, 'email', 'acme', 'ann@example.org').text).not.toBe(sealed.text);
  });

  it.each([
    ['to another subject', { ...sealed, subject: 'u_8' }, 'email', 'acme'],
    ['to another key version', { ...sealed, key: 4 }, 'email', 'acme'],
    ['to another field', sealed, 'name', 'acme'],
    ['to another tenant', sealed, 'email', 'other'],
    ['with the border of tenant and field shifted', sealed, 'l', 'acmeemai'],
  ])('refuse a field moved %s', (_name, moved, fieldPath, tenantId) => {
    expect(() => openField(key, moved, fieldPath, tenantId)).toThrow(refusal('not_authentic'));
  });

  it('refuse the key of somebody else, as after erasure', () => {
    expect(() => openField(newSubjectKey(), sealed, 'email', 'acme')).toThrow(refusal('not_authentic'));
  });

  it('refuse flipped bits', () => {
    const bytes = Buffer.from(sealed.text, 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      const field = { ...sealed, text: changed.toString('base64') };
      expect(() => openField(key, field, 'email', 'acme')).toThrow(refusal('not_authentic'));
    }
  });

  it.each(['', 'AAAA', 'not base64!', `${sealed.text}=`, `${sealed.text}\n`, sealed.text.slice(0, 36)])(
    'refuse the text %p',
    (text) => {
      expect(() => openField(key, { ...sealed, text }, 'email', 'acme')).toThrow(refusal('malformed'));
    },
  );

  it('refuse text that is too long or has no UTF-8 form', () => {
    expect(() => sealField(key, ref, 'email', 'acme', 'a'.repeat(maxSealedBytes + 1))).toThrow(RangeError);
    expect(() => sealField(key, ref, 'email', 'acme', 'é'.repeat(maxSealedBytes / 2 + 1))).toThrow(RangeError);
    expect(() => sealField(key, ref, 'email', 'acme', '\ud800')).toThrow(RangeError);
    expect(openField(key, sealField(key, ref, 'f', 'acme', 'a'.repeat(maxSealedBytes)), 'f', 'acme')).toHaveLength(
      maxSealedBytes,
    );
  });
});
