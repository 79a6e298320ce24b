import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { GrantClaims } from './grant.js';
import { type GrantExpectation, grantKeyOf, grantKeyRing, signGrant, verifyGrant } from './grants.js';

const nowMs = 1_800_000_000_000;
const key = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const ring = grantKeyRing([grantKeyOf(key.publicKey)]);
const holder = randomBytes(32);
const kid = grantKeyOf(key.publicKey).kid;

const claims = (over: Partial<GrantClaims> = {}): GrantClaims => ({
  jti: randomUUID(),
  sid: randomUUID(),
  iss: 'gatehouse/registry',
  aud: 'device-1',
  tenantId: 'acme',
  subject: { type: 'user', id: 'u1' },
  scope: { kind: 'shell' },
  actions: ['device.shell'],
  decisions: ['d1'],
  cnf: { x25519: holder.toString('base64url') },
  iat: nowMs / 1_000,
  exp: nowMs / 1_000 + 300,
  ...over,
});

const refusal = (text: string, expected: Partial<GrantExpectation> = {}, keys = ring): string => {
  try {
    verifyGrant(text, keys, { nowMs, deviceId: 'device-1', holder, ...expected });
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'accepted';
};

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** A text whose signature is right, whatever its header and body say. */
const signedRaw = (header: unknown, body: unknown): string => {
  const text = `${encode(header)}.${encode(body)}`;
  return `${text}.${sign(null, Buffer.from(text), key.privateKey).toString('base64url')}`;
};
const goodHeader = { alg: 'EdDSA', typ: 'gatehouse-grant+jwt', kid };

describe('a grant', () => {
  it('comes back as it was signed', () => {
    const said = claims({ record: true, scopes: ['device.*'], credential: 'k1' });
    expect(verifyGrant(signGrant(said, key), ring, { nowMs, deviceId: 'device-1', holder })).toEqual(said);
  });

  it('is not signed over claims that nobody would accept', () => {
    expect(() => signGrant({ ...claims(), actions: [] }, key)).toThrow();
  });

  it.each([
    ['at its end', 300 * 1_000, 'accepted'],
    ['within the skew after it', 329_000, 'accepted'],
    ['after that', 330_000, 'expired'],
    ['a little before it began', -30_000, 'accepted'],
    ['long before it began', -31_000, 'not_yet_valid'],
  ])('%s', (_, offset, result) => {
    expect(refusal(signGrant(claims(), key), { nowMs: nowMs + offset })).toBe(result);
  });

  it('lives an hour at most, and forwards', () => {
    const iat = nowMs / 1_000;
    expect(refusal(signGrant(claims({ exp: iat + 3_601 }), key))).toBe('malformed');
    expect(refusal(signGrant(claims({ exp: iat - 1 }), key))).toBe('malformed');
  });

  it('is for one device and for one client', () => {
    const text = signGrant(claims(), key);
    expect(refusal(text, { deviceId: 'device-2' })).toBe('wrong_device');
    expect(refusal(text, { holder: randomBytes(32) })).toBe('wrong_holder');
    expect(refusal(text, { holder: holder.subarray(0, 31) })).toBe('wrong_holder');
  });
});

describe('what a relay may try with grants', () => {
  it('its own key', () => {
    expect(refusal(signGrant(claims(), stranger))).toBe('unknown_key');
    const text = `${encode(goodHeader)}.${encode(claims())}`;
    expect(refusal(`${text}.${sign(null, Buffer.from(text), stranger.privateKey).toString('base64url')}`)).toBe(
      'bad_signature',
    );
  });

  it('no signature', () => {
    const [head, body] = signGrant(claims(), key).split('.');
    const stripped = [`${head}.${body}.`, `${head}.${body}`, `${head}..`, '..', '', '.', `${head}.${body}.AA`];
    for (const text of stripped) expect(refusal(text)).toBe('malformed');
    const none = encode({ ...goodHeader, alg: 'none' });
    expect(refusal(`${none}.${body}.${Buffer.alloc(64).toString('base64url')}`)).toBe('malformed');
  });

  it('the signature of one with the claims of another', () => {
    const [head, , tail] = signGrant(claims(), key).split('.');
    const wider = claims({ actions: ['device.shell', 'device.exec'] });
    expect(refusal(`${head}.${encode(wider)}.${tail}`)).toBe('bad_signature');
  });

  it.each([
    ['another type', { ...goodHeader, typ: 'JWT' }],
    ['no type', { alg: 'EdDSA', kid }],
    ['another algorithm', { ...goodHeader, alg: 'HS256' }],
    ['a critical extension', { ...goodHeader, crit: ['b64'], b64: false }],
    ['its own key in the header', { ...goodHeader, jwk: stranger.publicKey.export({ format: 'jwk' }) }],
  ])('a header with %s, though signed', (_, header) => {
    expect(refusal(signedRaw(header, claims()))).toBe('malformed');
  });

  it('claims of another shape, though signed', () => {
    for (const over of [{ iss: 'somebody' }, { cnf: {} }, { cnf: undefined }, { actions: ['device.anything'] }]) {
      expect(refusal(signedRaw(goodHeader, { ...claims(), ...over }))).toBe('malformed');
    }
    expect(refusal(signedRaw(goodHeader, null))).toBe('malformed');
  });

  it('a second spelling of the same text', () => {
    const text = signGrant(claims(), key);
    const [head, body, tail = ''] = text.split('.');
    // 64 bytes leave four bits over in the last character: sixteen spellings in a decoder that looks away.
    const last = tail.at(-1) === 'A' ? 'B' : 'A';
    for (const other of [`${text}=`, `${head}.${body}.${tail.slice(0, -1)}${last}`, ` ${text}`, `${text}\n`]) {
      expect(['malformed', 'bad_signature']).toContain(refusal(other));
    }
    expect(refusal('x'.repeat(9_000))).toBe('malformed');
  });

  it('a key under the name of another', () => {
    const { publicKey } = grantKeyOf(stranger.publicKey);
    expect(() => grantKeyRing([{ kid, publicKey }])).toThrow('unknown_key');
  });

  it('any change of any character', () => {
    const text = signGrant(claims(), key);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'AZaz09_-.= '), (at, character) => {
        fc.pre(text[at] !== character);
        expect(refusal(text.slice(0, at) + character + text.slice(at + 1))).not.toBe('accepted');
      }),
    );
  });
});
