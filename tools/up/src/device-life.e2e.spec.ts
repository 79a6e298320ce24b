import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { signDeviceProof } from '@gatehouse/crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { needlesOf, scanDatabase, scanFolder } from './canary-scan.fixture.js';
import { startWholeStack, type WholeStack } from './whole-stack.fixture.js';

const registrations = '/api/v1/devices/registrations';
const x = (key: KeyObject): string => key.export({ format: 'jwk' }).x as string;

let stack: WholeStack;
beforeAll(async () => {
  stack = await startWholeStack('device-life');
});
afterAll(() => stack?.stop());

async function send(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  { key, body }: { key?: string; body?: object } = {},
) {
  const { status, text } = await stack.call(path, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...(key && { authorization: `Bearer ${key}` }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status, body: text.startsWith('{') ? JSON.parse(text) : undefined };
}

function newDevice(hostname: string) {
  const identity = generateKeyPairSync('ed25519');
  const session = generateKeyPairSync('x25519');
  const keys = { identity: x(identity.publicKey), session: x(session.publicKey) };
  const signed = (purpose: 'registration' | 'state', said: object, place = {}) => ({
    ...said,
    signature: signDeviceProof(identity.privateKey, purpose, stack.url, { ...said, ...place }),
  });
  const now = () => new Date().toISOString();
  return {
    register: (owner: string) => {
      const description = { hostname, platform: 'linux', architecture: 'x64', version: '1' };
      return send('POST', registrations, {
        body: signed('registration', { owner, description, keys, signedAt: now() }),
      });
    },
    state: (requestId: string, wait = 0) => {
      const said = { signedAt: now(), nonce: randomBytes(32).toString('base64url') };
      return send('POST', `${registrations}/${requestId}/state?wait=${wait}`, {
        body: signed('state', said, { requestId }),
      });
    },
  };
}

describe('a device on the whole stack', () => {
  it('is let in, known by every service with its key, decided about at once, and by none after its removal', async () => {
    const { operatorKey: key } = stack;
    const device = newDevice('edge-1');
    const asked = await device.register('org:main');
    expect(asked.status).toBe(202);
    const { requestId, deviceId } = asked.body;
    const waiting = device.state(requestId, 40);
    const approved = await send('POST', `${registrations}/${requestId}/approve`, { key, body: {} });
    expect([approved.status, approved.body.name]).toEqual([200, 'edge-1']);
    // The NATS users of the stack let the registry ask policy how far it has read.
    expect(approved.body.policyPosition).toMatch(/^\d+\.\d+$/);
    const { apiKey } = (await waiting).body;

    const places = ['/api/v1/identity/me', '/api/v1/vault/whoami', '/api/v1/devices/grant-keys'];
    for (const place of places) {
      const isKnown = async () => (await send('GET', place, { key: apiKey })).status === 200;
      await waitFor(isKnown, { message: `the device is known at ${place}` });
    }
    expect((await send('GET', '/api/v1/vault/whoami', { key: apiKey })).body).toMatchObject({
      type: 'device',
      id: deviceId,
    });
    expect((await send('GET', '/api/v1/audit/entries', { key: apiKey })).status).toBe(403);
    const session = { scope: { kind: 'shell' }, clientKey: x(generateKeyPairSync('x25519').publicKey) };
    const granted = await send('POST', '/api/v1/devices/edge-1/sessions', { key, body: session });
    expect([granted.status, granted.body.relays.length]).toEqual([201, 1]);

    const needles = needlesOf([apiKey.split('.')[1]]);
    expect((await scanDatabase(needles, stack.database)).findings).toEqual([]);
    expect(scanFolder(needles, stack.data).findings).toEqual([]);

    expect((await send('DELETE', `/api/v1/devices/${deviceId}`, { key })).status).toBe(204);
    for (const place of places) {
      const isNobody = async () => (await send('GET', place, { key: apiKey })).status === 401;
      await waitFor(isNobody, { message: `the device is nobody at ${place}` });
    }
  });

  it('may name a person: identity says who that is, and who is nobody is answered alike', async () => {
    const { rows } = await stack.database.query(`select user_id as "userId", status from identity.people`);
    const [{ userId, status }] = rows;
    const answers = [];
    for (const name of ['owner@localhost', 'nobody@localhost'])
      answers.push(await newDevice('hers').register(`user:${name}`));
    expect(answers.map((answer) => [answer.status, answer.body.state])).toEqual([
      [202, 'pending'],
      [202, 'pending'],
    ]);
    const found = await stack.database.query(`select tenant_id from registry.devices where hostname = 'hers'`);
    expect(found.rows).toEqual(status === 'active' ? [{ tenant_id: `p-${userId}` }] : []);
  });
});
