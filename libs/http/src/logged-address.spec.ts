import { describe, expect, it } from '@jest/globals';
import { networkToLog } from './logged-address.js';

describe('where a call came from, in a log', () => {
  it.each([
    ['203.0.113.177', '203.0.113.0/24'],
    ['::ffff:203.0.113.177', '203.0.113.0/24'],
    ['127.0.0.1', '127.0.0.0/24'],
    ['2001:db8:7:2:3:4:5:6', '2001:db8:7::/48'],
    ['2001:DB8::6', '2001:db8:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
    ['::1', '0:0:0::/48'],
    [undefined, 'unknown'],
  ])('of %s is %s', (ip, network) => expect(networkToLog(ip)).toBe(network));
});
