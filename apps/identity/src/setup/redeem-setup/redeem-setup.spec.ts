import { describe, expect, it } from '@jest/globals';
import { keyAfter, keyId, now, ownerId } from '../../key/key.fixture.js';
import type { SetupOffer } from '../setup.js';
import { redeemSetup } from './redeem-setup.js';

const fingerprint = Buffer.alloc(32, 9).toString('base64');
const command = { keyId, fingerprint, displayPrefix: 'mau_abcdefgh', now };
const offer: SetupOffer = {
  tenantId: 'main',
  ownerId,
  offerId: '0190a1b2-0000-7000-8000-0000000000ff',
  expiresAt: new Date(now + 1).toISOString(),
  status: 'open',
};

describe('redeem a set-up link', () => {
  it('uses up the link and makes a key of the owner, in one list of events', () => {
    expect(redeemSetup(command, offer)).toEqual([
      { type: 'setup.redeemed', version: 1, data: { ownerId, offerId: offer.offerId, keyId } },
      {
        type: 'key.created',
        version: 1,
        data: {
          keyId,
          family: 'mau',
          name: 'owner-00000000000a',
          principal: { type: 'user', id: ownerId },
          roles: [],
          fingerprint,
          displayPrefix: 'mau_abcdefgh',
        },
      },
    ]);
  });

  it('leaves a key that can be disabled like any other', () => {
    expect(keyAfter(...redeemSetup(command, offer))).toMatchObject({ status: 'enabled', keyId, family: 'mau' });
  });

  it.each([
    ['unknown', undefined],
    ['used', { ...offer, status: 'redeemed' as const }],
    ['replaced', { ...offer, status: 'replaced' as const }],
    ['expired this very millisecond', { ...offer, expiresAt: new Date(now).toISOString() }],
    ['without a readable end', { ...offer, expiresAt: 'soon' }],
  ])('refuses one that is %s, with the same code', (_why, found) => {
    expect(() => redeemSetup(command, found)).toThrow(expect.objectContaining({ code: 'setup_link_invalid' }));
  });
});
