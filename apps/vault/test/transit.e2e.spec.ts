import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import NodeVault from 'node-vault';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let ann: Somebody;
let eve: Somebody;
let client: NodeVault.client;

beforeAll(async () => {
  stack = await startVaultStack();
  ann = await stack.somebody('acme', 'ann', ['admin']);
  eve = await stack.somebody('globex', 'eve', ['admin']);
  client = NodeVault({ endpoint: await stack.service.app.getUrl(), token: ann.key });
});

afterAll(() => stack?.stop());

const base64 = (text: string) => Buffer.from(text).toString('base64');
const as = (who: Somebody, path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') =>
  stack.call(`/v1/transit/${path}`, {
    method,
    ...(body !== undefined && { body }),
    headers: { 'x-vault-token': who.key },
  });

describe('node-vault', () => {
  it('makes keys, encrypts, rotates, rewraps and decrypts', async () => {
    await client.transitCreateKey({ name: 'orders' });
    const { data: made } = await client.encryptData({ name: 'orders', plaintext: base64('hello') });
    expect(made.ciphertext).toMatch(/^vault:v1:[A-Za-z0-9+/]+=*$/);
    expect((await client.decryptData({ name: 'orders', ciphertext: made.ciphertext })).data.plaintext).toBe(
      base64('hello'),
    );
    await client.write('transit/keys/orders/rotate', {});
    const { data: again } = await client.rewrapData({ name: 'orders', ciphertext: made.ciphertext });
    expect(again.ciphertext).toMatch(/^vault:v2:/);
    expect((await client.decryptData({ name: 'orders', ciphertext: again.ciphertext })).data.plaintext).toBe(
      base64('hello'),
    );
    const { data: read } = await client.transitReadKey({ name: 'orders' });
    expect(read).toMatchObject({ name: 'orders', type: 'aes256-gcm96', latest_version: 2, exportable: false });
    expect(read.keys).toEqual({ 1: expect.any(Number), 2: expect.any(Number) });
    expect((await client.transitListKeys()).data.keys).toEqual(['orders']);
    await client.write('transit/keys/orders/config', { min_decryption_version: 2 });
    await expect(client.decryptData({ name: 'orders', ciphertext: made.ciphertext })).rejects.toThrow('too old');
    await expect(client.transitDeleteKey({ name: 'orders' })).rejects.toThrow('deletion is not allowed');
    await client.write('transit/keys/orders/config', { deletion_allowed: true });
    await client.transitDeleteKey({ name: 'orders' });
    await expect(client.decryptData({ name: 'orders', ciphertext: again.ciphertext })).rejects.toThrow('not found');
    await client.transitCreateKey({ name: 'orders' });
    await expect(client.decryptData({ name: 'orders', ciphertext: made.ciphertext })).rejects.toThrow(
      'could not decrypt',
    );
  });

  it('signs and verifies, in the forms of Vault', async () => {
    for (const [type, hash] of [
      ['ecdsa-p256', 'sha256'],
      ['ed25519', null],
      ['rsa-2048', 'sha256'],
    ] as const) {
      await client.write(`transit/keys/${type}`, { type });
      const algorithm = { signature_algorithm: 'pkcs1v15' };
      const { data } = await client.write(`transit/sign/${type}`, { input: base64('text'), ...algorithm });
      const check = (input: string) =>
        client.write(`transit/verify/${type}`, { input: base64(input), signature: data.signature, ...algorithm });
      expect((await check('text')).data).toEqual({ valid: true });
      expect((await check('texts')).data).toEqual({ valid: false });
      const { keys } = (await client.read(`transit/keys/${type}`)).data;
      const shown = keys['1'].public_key;
      const spki = `MCowBQYDK2VwAyEA${shown}`;
      const publicKey = createPublicKey(
        type === 'ed25519' ? `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----` : shown,
      );
      const signature = Buffer.from(data.signature.replace('vault:v1:', ''), 'base64');
      expect(verify(hash, Buffer.from('text'), publicKey, signature)).toBe(true);
    }
    const jws = await client.write('transit/sign/ecdsa-p256/sha2-256', {
      input: base64('a.b'),
      marshaling_algorithm: 'jws',
    });
    expect(jws.data.signature).toMatch(/^vault:v1:[A-Za-z0-9_-]{86}$/);
  });

  it('makes HMACs and data keys', async () => {
    await client.transitCreateKey({ name: 'codes' });
    const { hmac } = (await client.write('transit/hmac/codes/sha2-512', { input: base64('x') })).data;
    expect((await client.write('transit/verify/codes/sha2-512', { input: base64('x'), hmac })).data.valid).toBe(true);
    expect((await client.write('transit/verify/codes', { input: base64('x'), hmac })).data.valid).toBe(false);
    const { data } = await client.write('transit/datakey/plaintext/codes', { bits: 512 });
    expect(Buffer.from(data.plaintext, 'base64')).toHaveLength(64);
    expect((await client.decryptData({ name: 'codes', ciphertext: data.ciphertext })).data.plaintext).toBe(
      data.plaintext,
    );
    expect((await client.write('transit/datakey/wrapped/codes', {})).data).not.toHaveProperty('plaintext');
  });
});

describe('batches', () => {
  it('tell each failure beside the rest', async () => {
    await as(ann, 'keys/batch', {});
    const made = await as(ann, 'encrypt/batch', {
      batch_input: [{ plaintext: base64('a'), reference: 'first' }, { plaintext: 'no base64!' }, {}],
    });
    expect(made.status).toBe(400);
    expect(made.body.data.batch_results).toEqual([
      { ciphertext: expect.stringMatching(/^vault:v1:/), key_version: 1, reference: 'first' },
      { error: 'failed to base64-decode plaintext' },
      { error: 'missing plaintext' },
    ]);
    const partial = { batch_input: [{ plaintext: base64('a') }, {}], partial_failure_response_code: 200 };
    expect((await as(ann, 'encrypt/batch', partial)).status).toBe(200);
    const all = await as(ann, 'encrypt/batch', { ...partial, batch_input: [{}] });
    expect(all.status).toBe(400);
  });

  it('of a thousand are one decision; of more are refused', async () => {
    const batch = (length: number) => ({
      batch_input: Array.from({ length }, (_, i) => ({ plaintext: base64(`${i}`) })),
    });
    const made = await as(ann, 'encrypt/batch', batch(1_000));
    expect([made.status, made.body.data.batch_results.length]).toEqual([200, 1_000]);
    const opened = await as(ann, 'decrypt/batch', { batch_input: made.body.data.batch_results });
    expect(opened.body.data.batch_results[999]).toEqual({ plaintext: base64('999') });
    expect((await as(ann, 'encrypt/batch', batch(1_001))).status).toBe(400);
    expect((await as(ann, 'encrypt/batch', { plaintext: 'A'.repeat(600_000) })).status).toBe(413);
  });
});

describe('who must not', () => {
  it('another tenant has another key of the same name, and opens nothing', async () => {
    await as(ann, 'keys/ours', {});
    const { ciphertext } = (await as(ann, 'encrypt/ours', { plaintext: base64('x') })).body.data;
    expect((await as(eve, 'decrypt/ours', { ciphertext })).body.errors).toEqual(['encryption key not found']);
    await as(eve, 'keys/ours', {});
    expect((await as(eve, 'decrypt/ours', { ciphertext })).body.errors).toEqual([
      'invalid ciphertext: could not decrypt',
    ]);
    expect((await as(eve, 'keys?list=true')).body.data.keys).toEqual(['ours']);
  });

  it('a developer uses no key, and is not told which there are', async () => {
    const dan = await stack.somebody('acme', 'dan', ['developer']);
    for (const path of [
      'encrypt/ours',
      'decrypt/none',
      'sign/ours',
      'verify/ours',
      'hmac/ours',
      'rewrap/none',
      'keys/new',
    ])
      expect((await as(dan, path, {})).status).toBe(403);
    for (const path of ['keys/ours', 'keys/none', 'keys?list=true']) expect((await as(dan, path)).status).toBe(403);
  });

  it('rows that were swapped open nothing', async () => {
    for (const name of ['swap-a', 'swap-b']) await as(ann, `keys/${name}`, {});
    const { ciphertext } = (await as(ann, 'encrypt/swap-a', { plaintext: base64('x') })).body.data;
    await stack.superuser.query(`
      update vault.transit_key_versions v set (ciphertext, wrapped_key) = (o.ciphertext, o.wrapped_key)
      from vault.transit_key_versions o, vault.transit_keys ka, vault.transit_keys kb
      where ka.name = 'swap-a' and kb.name = 'swap-b' and v.key_id = ka.key_id and o.key_id = kb.key_id`);
    const answer = await as(ann, 'decrypt/swap-a', { ciphertext });
    expect([answer.status, answer.text]).toEqual([500, expect.not.stringContaining(base64('x'))]);
  });

  it.each([
    ['exporting', 'keys/bad', { exportable: true }],
    ['convergent encryption', 'keys/bad', { convergent_encryption: true }],
    ['an unknown type', 'keys/bad', { type: 'des' }],
    ['derived signatures', 'keys/bad', { type: 'rsa-2048', derived: true }],
    ['a name with a slash', 'keys/a%2fb', {}],
    ['a long name', `keys/${'a'.repeat(129)}`, {}],
    ['a nonce of the caller', 'encrypt/ours', { plaintext: base64('x'), nonce: base64('123456789012') }],
    ['a context for a plain key', 'encrypt/ours', { plaintext: base64('x'), context: base64('c') }],
    ['signing with a key for encryption', 'sign/ours', { input: base64('x') }],
    ['a hash that was broken', 'sign/ours/sha1', { input: base64('x') }],
    ['what was hashed before', 'sign/ours', { input: base64('x'), prehashed: true }],
    ['a version that is not there', 'encrypt/ours', { plaintext: base64('x'), key_version: 9 }],
  ])('%s is refused', async (_name, path, body) => {
    expect((await as(ann, path, body)).status).toBe(400);
  });

  it('no key leaves, by any address', async () => {
    for (const path of ['export/encryption-key/ours', 'backup/ours', 'keys/ours/export'])
      expect((await as(ann, path)).status).toBe(404);
  });

  it('no key and no text is in the log', async () => {
    const { rows } = await stack.superuser.query(
      `select envelope from vault.events where stream_id like 'transit-key:%'`,
    );
    const log = rows.map(({ envelope }) => envelope).join('\n');
    expect(rows.length).toBeGreaterThan(5);
    for (const word of ['PRIVATE', 'secret', 'hmac"', base64('hello'), 'vault:v1']) expect(log).not.toContain(word);
  });
});

describe('derived keys', () => {
  it('want a context, and open with no other', async () => {
    await as(ann, 'keys/derived', { derived: true });
    const plaintext = base64('x');
    expect((await as(ann, 'encrypt/derived', { plaintext })).status).toBe(400);
    const context = base64('customer-1');
    const { ciphertext } = (await as(ann, 'encrypt/derived', { plaintext, context })).body.data;
    expect((await as(ann, 'decrypt/derived', { ciphertext, context })).body.data).toEqual({ plaintext });
    expect((await as(ann, 'decrypt/derived', { ciphertext, context: base64('customer-2') })).status).toBe(400);
  });

  it('associated data must be the same again', async () => {
    const body = { plaintext: base64('x'), associated_data: base64('row 1') };
    const { ciphertext } = (await as(ann, 'encrypt/ours', body)).body.data;
    const open = (text?: string) =>
      as(ann, 'decrypt/ours', { ciphertext, ...(text && { associated_data: base64(text) }) });
    expect((await open('row 1')).status).toBe(200);
    for (const text of ['row 2', undefined]) expect((await open(text)).status).toBe(400);
  });
});
