import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { byVault } from '../key-log.js';
import { type KeyDatabase, startKeyDatabase } from '../keys.fixture.js';
import { awsCredentials } from './aws-credentials.js';
import { kmsSeal } from './kms-seal.js';
import { type KmsServer, startKms } from './kms-server.fixture.js';

const keyId = 'alias/gatehouse';
const region = 'eu-central-1';
const own = { accessKeyId: 'AKIDOWN', secretAccessKey: 'own-secret-of-the-test' };
const lent = { accessKeyId: 'ASIALENT', secretAccessKey: 'lent-secret-of-the-test', sessionToken: 'session' };

let database: KeyDatabase;
let kms: KmsServer;

beforeAll(async () => {
  [database, kms] = await Promise.all([startKeyDatabase(), startKms(keyId, region, [own, lent])]);
});
afterAll(async () => {
  await database?.stop();
  await kms?.close();
});
afterEach(() => {
  kms.answer = undefined;
});

const seal = (change: Partial<Parameters<typeof kmsSeal>[0]> = {}) =>
  kmsSeal({ keyId, region, endpoint: kms.url, credentials: async () => own, ...change });

describe('the seal `aws-kms`', () => {
  it('has the root key encrypted, and asks for it once a start', async () => {
    const one = await database.replica({ seal: seal() });
    expect(one.follower.problem).toBeUndefined();
    await one.write('acme', 'n', 'x');
    kms.asked.length = 0;
    const two = await database.replica({ seal: seal() });
    expect(await two.read('acme', 'n')).toBe('x');
    expect(kms.asked).toEqual([{ action: 'Decrypt', accessKeyId: 'AKIDOWN' }]);
  });

  it('rotates the root key, and encrypts it again when asked', async () => {
    const one = await database.replica({ seal: seal() });
    await one.rootKeyRotation.start(byVault('main'));
    expect(await one.worker.once(new AbortController().signal)).toBe(true);
    await one.control.rekey();
    expect(await (await database.replica({ seal: seal() })).read('acme', 'n')).toBe('x');
  });

  it.each<[string, () => Parameters<typeof kmsSeal>[0] | object, RegExp]>([
    ['another key', () => ({ keyId: 'alias/other' }), /KMS refused Decrypt: NotFoundException/],
    ['wrong credentials', () => ({ credentials: async () => ({ ...own, secretAccessKey: 'x' }) }), /InvalidSignature/],
    ['no credentials', () => ({ credentials: async () => awsCredentials({ stsEndpoint: kms.url })() }), /no AWS cred/],
    ['nobody at the address', () => ({ endpoint: 'http://127.0.0.1:9/' }), /KMS cannot be reached at 127.0.0.1:9/],
  ])('with %s stays shut and says why, without a secret', async (_name, change, message) => {
    const one = await database.replica({ seal: seal(change()) });
    expect(one.keyring.sealed).toBe(true);
    expect(one.follower.problem).toMatch(message);
    expect(one.follower.problem).not.toContain('secret-of-the-test');
  });

  it.each([
    ['an error page', 500, '<html>no</html>', /status 500/],
    ['too much', 200, JSON.stringify({ Plaintext: 'A'.repeat(100_000) }), /more than it may/],
    ['another length', 200, JSON.stringify({ Plaintext: 'AAAA' }), /no root key/],
    ['another key', 200, JSON.stringify({ Plaintext: Buffer.alloc(32, 7).toString('base64') }), /holds another key/],
  ])('that answers %s is not believed, and is asked again', async (_name, status, body, message) => {
    kms.answer = { status, body };
    const one = await database.replica({ seal: seal() });
    expect(one.follower.problem).toMatch(message);
    kms.answer = undefined;
    await waitFor(() => !one.keyring.sealed, { message: 'unsealed by itself' });
    expect(await one.read('acme', 'n')).toBe('x');
  });

  it('that is away after the start is not missed', async () => {
    const one = await database.replica({ seal: seal() });
    kms.answer = { status: 503, body: '' };
    await one.follower.followNow();
    await one.write('other', 'n', 'y');
    expect(await one.read('other', 'n')).toBe('y');
  });

  it('takes the credentials that a container or a service account is lent, and renews them', async () => {
    const token = join(database.files.path, 'token');
    writeFileSync(token, 'shown\n');
    const asked: string[] = [];
    let expiresAt = Date.now() + 3_600_000;
    const lender = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      asked.push(`${request.method} ${request.headers.authorization ?? ''} ${Buffer.concat(chunks)}`.trim());
      const given = { AccessKeyId: lent.accessKeyId, SecretAccessKey: lent.secretAccessKey };
      const sts = { Credentials: { ...given, SessionToken: lent.sessionToken, Expiration: expiresAt / 1_000 } };
      response.end(
        JSON.stringify(
          request.method === 'GET'
            ? { ...given, Token: lent.sessionToken, Expiration: new Date(expiresAt).toISOString() }
            : { AssumeRoleWithWebIdentityResponse: { AssumeRoleWithWebIdentityResult: sts } },
        ),
      );
    });
    await new Promise<void>((resolve) => lender.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(lender.address() as AddressInfo).port}/`;
    const container = awsCredentials({ containerUrl: url, containerTokenFile: token, stsEndpoint: url });
    const account = awsCredentials({ webIdentityTokenFile: token, roleArn: 'arn:aws:iam::1:role/r', stsEndpoint: url });
    for (const credentials of [container, account]) {
      kms.asked.length = 0;
      const one = await database.replica({ seal: seal({ credentials }) });
      expect(await one.read('acme', 'n')).toBe('x');
      // Replicas of the tests before still ask, with theirs.
      expect(kms.asked).toContainEqual({ action: 'Decrypt', accessKeyId: 'ASIALENT' });
      await credentials();
    }
    expect(asked[0]).toBe('GET shown');
    expect(asked[1]).toMatch(/^POST .*Action=AssumeRoleWithWebIdentity.*WebIdentityToken=shown$/);
    expect(asked).toHaveLength(2);
    expiresAt = Date.now() + 60_000;
    const short = awsCredentials({ containerUrl: url, stsEndpoint: url });
    await short();
    await short();
    expect(asked).toHaveLength(4);
    lender.closeAllConnections();
    lender.close();
  });
});
