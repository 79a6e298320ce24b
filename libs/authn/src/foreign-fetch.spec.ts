import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isPublicAddress } from './foreign-address.js';
import { createForeignFetch, isForeignUrl } from './foreign-fetch.js';

describe('addresses of the public Internet', () => {
  it.each(['93.184.215.14', '8.8.8.8', '2606:2800:21f:cb07::1', '2a00:1450:4001::1'])('has %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.31.255.255', '192.168.1.1'],
    ...['198.18.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1'],
    ...['::ffff:127.0.0.1', '::ffff:169.254.169.254', '::ffff:10.0.0.1', '::7f00:1', '64:ff9b::a9fe:a9fe'],
    ...['2002:a9fe:a9fe::1', '2001:0:a9fe:a9fe::1', '2001:db8::1', '4000::1'],
  ])('has not %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('addresses of issuers', () => {
  const allowed = (text: string, reach = {}) => isForeignUrl(new URL(text), reach);

  it.each(['https://id.example.org', 'https://8.8.8.8/realms/a'])('may be %s', (url) => {
    expect(allowed(url)).toBe(true);
  });

  it.each([
    ...['http://id.example.org', 'https://127.0.0.1', 'https://[::1]', 'https://0x7f.1', 'https://2130706433'],
    ...[
      'https://169.254.169.254',
      'https://[::ffff:a9fe:a9fe]',
      'https://user:word@id.example.org',
      'ftp://id.example.org',
    ],
    ...['http://localhost:8080', 'http://127.0.0.1:8080', 'file:///etc/passwd'],
  ])('may not be %s', (url) => {
    expect(allowed(url)).toBe(false);
  });

  it('may be of private networks or of this machine where the installation says so, and each by itself', () => {
    expect(allowed('https://10.0.0.1', { privateNetworks: true })).toBe(true);
    expect(allowed('http://10.0.0.1', { privateNetworks: true, loopback: true })).toBe(false);
    expect(allowed('https://127.0.0.1', { privateNetworks: true })).toBe(false);
    expect(allowed('http://127.0.0.1', { loopback: true })).toBe(true);
    expect(allowed('http://localhost', { loopback: true })).toBe(true);
    expect(allowed('https://10.0.0.1', { loopback: true })).toBe(false);
  });
});

describe('a request to an issuer', () => {
  let server: Server;
  let address = '';
  const hits: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = request.url ?? '';
      hits.push(path);
      if (path === '/redirect') return void response.writeHead(302, { location: '/elsewhere' }).end();
      if (path === '/huge') {
        const more = () => response.write(Buffer.alloc(65_536)) && setImmediate(more);
        response.on('drain', more);
        response.on('close', () => response.removeAllListeners('drain'));
        return void more();
      }
      if (path === '/slow') return void response.write('{"never":');
      response.setHeader('content-type', 'application/json').end('{"fine":true}');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    address = `http://localhost:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const fetch = createForeignFetch({ loopback: true, timeoutMs: 400, maxBytes: 100_000 });

  it('answers as fetch does', async () => {
    expect(await (await fetch(`${address}/fine`)).json()).toEqual({ fine: true });
  });

  it('does not follow a redirect', async () => {
    expect((await fetch(`${address}/redirect`)).status).toBe(302);
    expect(hits).not.toContain('/elsewhere');
  });

  it('ends when the answer is too large, or too slow in its body', async () => {
    await expect(fetch(`${address}/huge`)).rejects.toThrow('larger than');
    await expect(fetch(`${address}/slow`)).rejects.toThrow(/abort|timeout/i);
  });

  it('does not connect to a name that resolves to this machine unless that is allowed', async () => {
    const before = hits.length;
    const careful = createForeignFetch({ privateNetworks: true });
    await expect(careful(`${address.replace('http:', 'https:')}/fine`)).rejects.toThrow(
      'not one that an issuer may have',
    );
    expect(hits.length).toBe(before);
  });
});
