import { describe, expect, it } from '@jest/globals';
import { isNetwork } from './network.js';

describe('networks', () => {
  it.each(['10.0.0.0/8', '0.0.0.0/0', '192.0.2.7/32', '2001:db8::/32', '::/0', '::1/128'])('takes %s', (text) => {
    expect(isNetwork(text)).toBe(true);
  });

  it.each([
    ...['', '/', '10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0.0/8/8', '10.0.0/8'],
    ...['2001:db8::/129', 'fe80::1%eth0/64', '::ffff:10.0.0.0/104', '::FFFF:a00:0/104', 'localhost/8', '10.0.0.0/8 '],
  ])('refuses %j', (text) => {
    expect(isNetwork(text)).toBe(false);
  });
});
