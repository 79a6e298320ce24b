import { describe, expect, it } from '@jest/globals';
import { deviceRequester, networkOf } from './device-requester.js';

describe('who asks for a device', () => {
  it.each([
    ['192.0.2.77', '192.0.2.0/24'],
    ['::ffff:192.0.2.77', '192.0.2.0/24'],
    ['2001:db8:1:2::7', '2001:db8:1::/48'],
    ['2001:db8::7', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
  ])('%s is told as %s', (address, network) => expect(networkOf(address)).toBe(network));

  it('is one bounded line, whatever the device calls itself', () => {
    const { userAgent = '' } = deviceRequester('192.0.2.1', `ab\n\u0007c${'x'.repeat(500)}`);
    expect(userAgent).toHaveLength(200);
    expect(userAgent.startsWith('ab  c')).toBe(true);
  });
});
