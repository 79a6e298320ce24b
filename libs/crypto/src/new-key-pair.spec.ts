import { createPrivateKey, createPublicKey, diffieHellman, sign, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newKeyBytes, newKeyPair } from './new-key-pair.js';

const text = (bytes: Buffer): string => bytes.toString('base64url');

describe('a new pair of keys', () => {
  it('signs, agrees, and can be exported', () => {
    const identity = newKeyPair('ed25519');
    const said = Buffer.from('said');
    expect(verify(null, said, identity.publicKey, sign(null, said, identity.privateKey))).toBe(true);
    const [a, b] = [newKeyPair('x25519'), newKeyPair('x25519')];
    expect(diffieHellman({ privateKey: a.privateKey, publicKey: b.publicKey })).toEqual(
      diffieHellman({ privateKey: b.privateKey, publicKey: a.publicKey }),
    );
    const { x, d } = a.privateKey.export({ format: 'jwk' });
    expect(a.publicKey.export({ format: 'jwk' }).x).toBe(x);
    expect(d).not.toBe(x);
  });

  it.each(['ed25519', 'x25519'] as const)('is two keys of 32 bytes that belong together: %s', (type) => {
    const pair = newKeyBytes(type);
    expect([pair.public.length, pair.secret.length]).toEqual([32, 32]);
    const crv = type === 'ed25519' ? 'Ed25519' : 'X25519';
    const secret = createPrivateKey({ key: { kty: 'OKP', crv, d: text(pair.secret), x: '' }, format: 'jwk' });
    expect(createPublicKey(secret).export({ format: 'jwk' }).x).toBe(text(pair.public));
  });
});
