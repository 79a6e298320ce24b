import { describe, expect, it } from '@jest/globals';
import { AddressRefused, mayConnect, parseConnectionUrl } from './connection-url.js';

describe('the address of a target', () => {
  it('is host, port, database and how it is encrypted, strictly unless said otherwise', () => {
    expect(parseConnectionUrl('postgresql://{{username}}:{{password}}@db.example.org:6432/app')).toEqual({
      host: 'db.example.org',
      port: 6432,
      database: 'app',
      sslmode: 'verify-full',
    });
    expect(parseConnectionUrl('postgres://admin:{{ password }}@[2001:db8::1]/app?sslmode=disable')).toEqual({
      host: '2001:db8::1',
      port: 5432,
      database: 'app',
      sslmode: 'disable',
      username: 'admin',
    });
  });

  it.each([
    'mysql://{{username}}:{{password}}@h/app',
    'postgresql://u:hunter2@h/app',
    'postgresql://{{username}}:{{password}}@h/app?host=/var/run/postgresql',
    'postgresql://{{username}}:{{password}}@h/app?sslrootcert=/etc/passwd',
    'postgresql://{{username}}:{{password}}@%2Fvar%2Frun/app',
    'postgresql://{{username}}:{{password}}@h1,h2/app',
    'postgresql://{{username}}:{{password}}@h/',
    'postgresql://{{username}}:{{password}}@h/a/b',
    'postgresql://{{username}}:{{password}}@h/app?sslmode=prefer',
    'host=h dbname=app',
  ])('refuses %s and repeats nothing of it', (text) => {
    expect(() => parseConnectionUrl(text)).toThrow(AddressRefused);
    try {
      parseConnectionUrl(text);
    } catch (error) {
      expect((error as Error).message).not.toMatch(/hunter2|passwd|run/);
    }
  });

  it.each<[string, boolean, boolean, boolean]>([
    // address, by default (private yes, loopback no), public only, with loopback
    ['10.1.2.3', true, false, true],
    ['fd00::1', true, false, true],
    ['93.184.216.34', true, true, true],
    ['2606:2800:220:1::1', true, true, true],
    ['127.0.0.1', false, false, true],
    ['::1', false, false, true],
    ['::ffff:127.0.0.1', false, false, true],
    ['169.254.169.254', false, false, false],
    ['::ffff:169.254.169.254', false, false, false],
    ['fe80::1', false, false, false],
    ['0.0.0.0', false, false, false],
    ['::', false, false, false],
    ['224.0.0.1', false, false, false],
    ['255.255.255.255', false, false, false],
    ['localhost', false, false, false],
  ])('%s: %s, %s, %s', (address, byDefault, publicOnly, loopback) => {
    expect(mayConnect(address, { privateNetworks: true, loopback: false })).toBe(byDefault);
    expect(mayConnect(address, { privateNetworks: false, loopback: false })).toBe(publicOnly);
    expect(mayConnect(address, { privateNetworks: true, loopback: true })).toBe(loopback);
  });
});
