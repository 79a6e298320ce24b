import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import { type Listener, listen } from '@gatehouse/transport';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type DialRelay, dialRelay, hostAndPort } from './dial-relay.js';
import { grantKeyOf } from './grants.js';
import { nodePrimitives } from './node-primitives.js';
import { type Credentials, newCredentials, TestRelay } from './relay.fixture.js';
import { serveSessions } from './serve-sessions.js';

let relay: TestRelay | undefined;
let listener: Listener | undefined;
afterEach(async () => {
  await relay?.stop();
  await listener?.close();
  relay = listener = undefined;
});

const dial = (address: string, { ca }: Credentials, over: Partial<DialRelay> = {}) =>
  dialRelay({
    address,
    trust: { ca },
    carriers: ['tls'],
    timeoutMs: 2_000,
    hello: () => ({ type: 'hello', role: 'client', version: 1, agent: 'test' }),
    onStream: () => undefined,
    onMessage: () => undefined,
    onGoAway: () => undefined,
    onClose: () => undefined,
    ...over,
  });

describe('an address', () => {
  it.each([
    ['relay.example.com:443', { host: 'relay.example.com', port: 443 }],
    ['10.0.0.1:8443', { host: '10.0.0.1', port: 8_443 }],
    ['[2001:db8::1]:443', { host: '2001:db8::1', port: 443 }],
  ])('%s', (text, parts) => expect(hostAndPort(text)).toEqual(parts));

  it.each(['', 'relay', 'relay:', ':443', 'relay:https'])('%j is none', (text) =>
    expect(() => hostAndPort(text)).toThrow('unreachable'),
  );
});

describe('a relay', () => {
  it('whose certificate is another one is not greeted', async () => {
    relay = await new TestRelay(await newCredentials(), ['tls']).start();
    await expect(dial(relay.address, await newCredentials())).rejects.toMatchObject({ end: { code: 'certificate' } });
    expect(relay.clients.size).toBe(0);
  });

  it('that says nothing is given up', async () => {
    const credentials = await newCredentials();
    let closed = '';
    listener = await listen({
      host: '127.0.0.1',
      port: 0,
      carriers: ['tls'],
      ...credentials,
      onCarrier: (carrier) => {
        carrier.onClose = ({ code }) => {
          closed = code;
        };
      },
    });
    const dialling = dial(`127.0.0.1:${listener.port}`, credentials, { timeoutMs: 300 });
    await expect(dialling).rejects.toMatchObject({ end: { code: 'timeout' } });
    await waitFor(() => closed === 'timeout');
  });

  it('does not take a device whose signature is of another key, and is tried again only later', async () => {
    const credentials = await newCredentials();
    const deviceId = randomUUID();
    const { privateKey } = generateKeyPairSync('ed25519');
    relay = await new TestRelay(credentials, ['tls']).start();
    relay.identities.set(deviceId, generateKeyPairSync('ed25519').publicKey);
    const refused: string[] = [];
    const waits: number[] = [];
    const server = serveSessions({
      deviceId,
      agent: 'test',
      identity: privateKey,
      sessionKeys: [nodePrimitives.generateKeyPair()],
      grantKeys: [grantKeyOf(generateKeyPairSync('ed25519').publicKey)],
      relays: [relay.address],
      trust: { ca: credentials.ca },
      carriers: ['tls'],
      handlers: {},
      onRefused: (code) => refused.push(code),
      onState: (state) => state.status === 'waiting' && waits.push(state.ms),
    });
    await waitFor(() => waits.length > 0);
    expect([refused, relay.tunnels.size]).toEqual([['bad_signature'], 0]);
    expect(waits[0]).toBeGreaterThanOrEqual(30_000);
    await server.close('stopping');
  });

  it('hears a signature that is bound to its certificate and its question', async () => {
    const credentials = await newCredentials();
    relay = await new TestRelay(credentials, ['tls']).start();
    const heard: [string, string][] = [];
    const { carrier } = await dial(relay.address, credentials, {
      hello: (nonce, fingerprint) => {
        heard.push([nonce, fingerprint]);
        return { type: 'hello', role: 'client', version: 1, agent: 'test' };
      },
    });
    expect(heard).toEqual([[expect.stringMatching(/^[\w-]{43}$/), carrier.serverFingerprint]]);
    await carrier.close({ code: 'done' });
  });
});
