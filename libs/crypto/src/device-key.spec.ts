import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { deviceKey, signDeviceProof, verifyDeviceProof } from './device-key.js';
import { bearerFamily } from './key-families.js';

const pepper = randomBytes(32);
const x = (key: KeyObject): string => key.export({ format: 'jwk' }).x as string;

describe('a device key', () => {
  it('is an m87_ key, the same of the same seeds and another of others', () => {
    const key = deviceKey(pepper, ['a', 'b']);
    expect(bearerFamily(key)).toBe('m87_');
    expect(deviceKey(pepper, ['a', 'b'])).toBe(key);
    const others = [deviceKey(pepper, ['a', 'c']), deviceKey(pepper, ['ab']), deviceKey(randomBytes(32), ['a', 'b'])];
    for (const other of others) expect(other).not.toBe(key);
  });

  it('uses its alphabet evenly', () => {
    const counts = new Map<string, number>();
    for (let n = 0; n < 2_000; n++)
      for (const letter of deviceKey(pepper, [String(n)])
        .slice(4)
        .replace('.', ''))
        counts.set(letter, (counts.get(letter) ?? 0) + 1);
    expect(counts.size).toBe(62);
    const mean = (2_000 * 48) / 62;
    // Six standard deviations: a modulo of the whole byte would be 25 % off for eight letters.
    for (const count of counts.values()) expect(Math.abs(count - mean)).toBeLessThan(6 * Math.sqrt(mean));
  });
});

describe('a proof of a device', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const said = { requestId: 'r', signedAt: '2026-11-22T12:00:00.000Z' };
  const url = 'https://gatehouse.example';
  const signature = signDeviceProof(privateKey, 'state', url, said);

  it('is one of what was said, whatever the order of its members and a slash at the end of the address', () => {
    expect(verifyDeviceProof(x(publicKey), 'state', url, said, signature)).toBe(true);
    const turned = Object.fromEntries(Object.entries(said).reverse());
    expect(verifyDeviceProof(x(publicKey), 'state', `${url}/`, turned, signature)).toBe(true);
  });

  it('is none of another purpose, place, text or key, and nothing that is no signature is one', () => {
    const other = x(generateKeyPairSync('ed25519').publicKey);
    const tries = [
      verifyDeviceProof(x(publicKey), 'registration', url, said, signature),
      verifyDeviceProof(x(publicKey), 'state', 'https://other.example', said, signature),
      verifyDeviceProof(x(publicKey), 'state', url, { ...said, requestId: 's' }, signature),
      verifyDeviceProof(other, 'state', url, said, signature),
      verifyDeviceProof(x(publicKey), 'state', url, said, ''),
      verifyDeviceProof('not a key', 'state', url, said, signature),
      verifyDeviceProof(x(publicKey), 'state', url, said, signature.slice(0, -2)),
    ];
    expect(tries).toEqual(tries.map(() => false));
  });
});
