import { describe, expect, it } from '@jest/globals';
import { holdsKey, isSecretName, MASK, maskSecrets } from './mask.js';

const BODY = 'Abc0123456789_-Abc0123456789_-Abc0123456789_-Abc012345';
const JWT = `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.${'c2lnbmF0dXJl'.repeat(4)}`;

describe('maskSecrets', () => {
  it.each([
    ['a service key', `mas_${BODY}`],
    ['a user key', `mau_${BODY}`],
    ['a guest token', `gst_${BODY}`],
    ['an invitation', `giv_${BODY}`],
    ['a token of the vault', `gvt_${BODY}`],
    ['a token of a wrapped answer', `gvw_${BODY}`],
    ['a secret id', `gvs_${BODY}`],
    ['a device key', `m87_Ab12Cd34.${'x'.repeat(40)}`],
    ['a token', JWT],
    ['a token without signature', JWT.slice(0, JWT.lastIndexOf('.') + 1)],
    ['an e-mail address', 'alice.b+tag@mail.example.org'],
    ['a bearer', 'Bearer abcdefghijklmnop0123'],
    ['a lower-case bearer', 'bearer abcdefghijklmnop0123'],
    ['basic credentials', 'Basic YWxpY2U6aHVudGVyMg=='],
  ])('masks %s in a text, after a line break in JSON, and twice', (_name, secret) => {
    for (const text of [secret, `x ${secret} y`, JSON.stringify({ a: `first\n${secret}` }), `${secret}, ${secret}`]) {
      const masked = maskSecrets(text);
      expect(masked).toContain(MASK);
      expect(masked).not.toContain(secret.slice(-16));
    }
  });

  it.each([
    ['the password of a URL', 'postgres://audit:hunter2@db:5432/x', 'postgres://audit:[redacted]@db:5432/x'],
    ['a token in a query', '/x?a=1&access_token=hunter2&b=2', '/x?a=1&access_token=[redacted]&b=2'],
    ['a code in a query', 'GET /cb?code=hunter2 HTTP', 'GET /cb?code=[redacted] HTTP'],
  ])('masks %s and nothing else', (_name, text, masked) => {
    expect(maskSecrets(text)).toBe(masked);
  });

  it('masks a private key whole, as text and as JSON', () => {
    const pem = `-----BEGIN PRIVATE KEY-----\n${'MC4CAQAwBQYDK2VwBCIEI'.repeat(3)}\n-----END PRIVATE KEY-----`;
    expect(maskSecrets(pem)).not.toContain('MC4CAQ');
    expect(maskSecrets(JSON.stringify({ pem }))).not.toContain('MC4CAQ');
  });

  it.each([
    'mas_AbCdEfGh is shown as the first characters of a key',
    'at file:///app/node_modules/@nestjs/core/router.js:61:37',
    'a christmas tree, basic terms, the bearer of news',
    '{"time":"2026-11-22T10:00:00.000Z","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","route":"/keys/:id"}',
    'https://example.org:8443/a?page=2',
  ])('leaves %s', (text) => {
    expect(maskSecrets(text)).toBe(text);
  });

  it('keeps a line valid JSON', () => {
    const line = { a: `mas_${BODY}"quoted"`, b: [JWT, 'pg://u:p\\"w@h/d'], c: { mail: 'a@b.example' } };
    expect(() => JSON.parse(maskSecrets(JSON.stringify(line)))).not.toThrow();
  });

  it.each([
    ['letters before an @', `${'a'.repeat(30_000)}@`],
    ['dots after an @', `a@${'b.'.repeat(15_000)}`],
    ['many @', '@'.repeat(30_000)],
    ['half tokens', 'eyJaaaaaaaa.'.repeat(2500)],
    ['schemes', '://a:'.repeat(6000)],
    ['queries', '?token='.repeat(4000)],
    ['key headers', '-----BEGIN PRIVATE KEY-----'.repeat(1000)],
  ])('stays fast on %s', (_name, text) => {
    const startedAtMs = performance.now();
    maskSecrets(text);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});

describe('holdsKey', () => {
  const key = (prefix: string, length: number) => prefix + 'A_-9'.repeat(14).slice(0, length);

  it.each([
    ['a service key in the path', `/v1/transit/keys/${key('mas_', 54)}/rotate`],
    ['a key of a person in the query', `/list?after=1&token=${key('mau_', 54)}&limit=3`],
    ['a device key', `/x/m87_${'aB3'.repeat(3).slice(0, 8)}.${'aB3x'.repeat(10)}`],
    ['a set-up token at the end', `/x/${key('gst_', 43)}`],
    ['what opens a tenant', `/x/${key('gus_', 43)}/y`],
    ['a key whose letters are percent-encoded', `/x/%6d${key('as_', 54).replace('9', '%39').replace('-', '%2D')}`],
    ['a key beside what is no percent-encoding', `/x/%zz%6/${key('%6Das_', 54)}%`],
  ])('finds %s', (_name, address) => expect(holdsKey(address)).toBe(true));

  it.each([
    ['the start that lists show', '/keys?prefix=mas_01234567'],
    ['a name that begins like one', '/v1/secret/data/gst_registration_number_of_the_company'],
    ['the mark of a page that has such letters within', `/list?after=Zx${key('mas_', 54)}&limit=20`],
    ['text that is longer than a key', `/list?after=${key('mas_', 55)}`],
    ['a name longer than a set-up token', `/v1/secret/data/${key('gst_', 44)}`],
    ['percent signs alone', '/a%20b/%zz/%'],
    ['an address', '/api/v1/identity/keys/0190a1b2-0000-7000-8000-000000000001?limit=20'],
  ])('lets %s pass', (_name, address) => expect(holdsKey(address)).toBe(false));
});

describe('isSecretName', () => {
  it.each([
    'authorization',
    'Authorization',
    'Proxy-Authorization',
    'cookie',
    'set-cookie',
    'password',
    'db_password',
    'clientSecret',
    'token',
    'refresh_token',
    'key',
    'apiKey',
    'x-api-key',
    'X-Vault-Token',
    'email',
    'ownerEmail',
    'rootKey',
    'pepper',
  ])('%s is one', (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each(['keyId', 'key_name', 'publicKey', 'tokenCount', 'passwordless', 'monkey', 'traceId', 'secretName', 'route'])(
    '%s is none',
    (name) => {
      expect(isSecretName(name)).toBe(false);
    },
  );
});
