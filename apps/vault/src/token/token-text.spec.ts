import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashOf, isOurs, newToken } from './token-text.js';

const pepper = randomBytes(32);
const families = ['gvt_', 'gvw_', 'gvs_'] as const;

describe('tokens of the vault', () => {
  it.each(families)('%s and 54 characters, known again, each another one', (family) => {
    const made = Array.from({ length: 50 }, () => newToken(pepper, family));
    expect(new Set(made).size).toBe(50);
    for (const token of made) {
      expect(token).toMatch(/^gv[tws]_[A-Za-z0-9_-]{53}[AQgw]$/);
      expect(isOurs(pepper, family, token)).toBe(true);
    }
  });

  it('are none of another family or another installation', () => {
    for (const family of families) {
      const token = newToken(pepper, family);
      for (const other of families) {
        const text = other + token.slice(4);
        expect(isOurs(pepper, other, text)).toBe(other === family);
        if (other !== family) expect(isOurs(pepper, other, token)).toBe(false);
      }
      expect(isOurs(randomBytes(32), family, token)).toBe(false);
    }
  });

  it('with any one character changed are none', () => {
    const token = newToken(pepper, 'gvt_');
    const alphabet = 'ABQg-_07';
    for (let at = 4; at < token.length; at++) {
      for (const letter of alphabet) {
        if (letter === token[at]) continue;
        expect(isOurs(pepper, 'gvt_', token.slice(0, at) + letter + token.slice(at + 1))).toBe(false);
      }
    }
  });

  it('texts made up by strangers are none, and never an error', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 80 }),
        (text) => isOurs(pepper, 'gvt_', `gvt_${text}`) === false,
      ),
    );
  });

  it('are stored as 32 bytes that depend on the pepper', () => {
    const token = newToken(pepper, 'gvt_');
    expect(hashOf(pepper, token)).toHaveLength(32);
    expect(hashOf(pepper, token)).toEqual(hashOf(pepper, token));
    expect(hashOf(randomBytes(32), token)).not.toEqual(hashOf(pepper, token));
  });
});
