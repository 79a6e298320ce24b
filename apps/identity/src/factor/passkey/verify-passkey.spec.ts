import { describe, expect, it } from '@jest/globals';
import { type Deviation, SoftwareAuthenticator } from './authenticator.fixture.js';
import { relyingPartyOf, verifyNewPasskey, verifyPasskey } from './verify-passkey.js';

const publicUrl = 'https://gate.example:8443/';
const origin = 'https://gate.example:8443';
const party = relyingPartyOf(publicUrl);
const challenge = Buffer.from('a challenge').toString('base64url');
const isOurs = (given: string) => given === challenge;
type Created = Parameters<typeof verifyNewPasskey>[0];
type Signed = Parameters<typeof verifyPasskey>[0];

async function enrolled() {
  const device = new SoftwareAuthenticator(origin);
  const passkey = await verifyNewPasskey(device.create({ challenge }) as unknown as Created, party, isOurs);
  if (!passkey) throw new Error('the passkey was not accepted');
  return { device, passkey };
}

describe('a passkey', () => {
  it('belongs to the host of the public address and to its origin', () => {
    expect(party).toEqual({ origin, rpId: 'gate.example' });
  });

  it('is kept by its id, its key and what the browser may use to reach it', async () => {
    const { device, passkey } = await enrolled();
    expect(passkey).toMatchObject({ id: device.id, counter: 0, transports: ['internal'] });
  });

  it.each<[string, Deviation]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another port', { origin: 'https://gate.example' }],
    ['another host', { rpId: 'evil.example' }],
    ['another challenge', { challenge: 'b3RoZXI' }],
    ['an answer to another question', { type: 'webauthn.get' }],
    ['nobody present', { userPresent: false }],
  ])('is not made for %s', async (_what, deviation) => {
    const device = new SoftwareAuthenticator(origin);
    const made = device.create({ challenge }, deviation) as unknown as Created;
    expect(await verifyNewPasskey(made, party, isOurs)).toBeUndefined();
  });

  it('signs in, and tells its counter', async () => {
    const { device, passkey } = await enrolled();
    const signed = device.get({ challenge }) as unknown as Signed;
    expect(await verifyPasskey(signed, party, passkey, { isOurs, alone: true })).toBe(1);
  });

  it.each<[string, Deviation]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another host', { rpId: 'evil.example' }],
    ['another challenge', { challenge: 'b3RoZXI' }],
    ['an answer to another question', { type: 'webauthn.create' }],
    ['another key', { key: new SoftwareAuthenticator(origin).privateKey }],
    ['nobody present', { userPresent: false }],
  ])('does not sign in for %s', async (_what, deviation) => {
    const { device, passkey } = await enrolled();
    const signed = device.get({ challenge }, deviation) as unknown as Signed;
    expect(await verifyPasskey(signed, party, passkey, { isOurs, alone: false })).toBeUndefined();
  });

  it('needs the person to be asked when it is used alone, and not when it comes second', async () => {
    const { device, passkey } = await enrolled();
    const signed = device.get({ challenge }, { userVerified: false }) as unknown as Signed;
    expect(await verifyPasskey(signed, party, passkey, { isOurs, alone: true })).toBeUndefined();
    expect(await verifyPasskey(signed, party, passkey, { isOurs, alone: false })).toBe(1);
  });
});
