import { connect } from 'node:net';
import { generateKey } from '@gatehouse/crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { api, works } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let owner: FirstOwner;
const replicas = new Map<string, Replica>();
const keys = { good: '', disabled: '', expired: '', elsewhere: '', here: '' };

const replicaOf = (profile: string): Replica => {
  const replica = replicas.get(profile);
  if (!replica) throw new Error(`no replica for ${profile}`);
  return replica;
};

beforeAll(async () => {
  stack = await startStack();
  owner = await stack.bootstrap();
  const [usual, marie] = [await stack.serve(), await stack.serveApart({ AUTH_STATUS_PROFILE: 'marie' })];
  replicas.set('default', usual).set('marie', marie);
  keys.good = owner.operatorKey;
  await works(usual, keys.good);
  const make = async (body: object) => (await api(usual, 'POST /keys', { key: keys.good, body })).body;
  keys.here = (await make({ name: 'here', networks: ['127.0.0.0/8'] })).key;
  keys.elsewhere = (await make({ name: 'elsewhere', networks: ['203.0.113.0/24', '2001:db8::/32'] })).key;
  const expiresAt = new Date(Date.now() + 1_500).toISOString();
  keys.expired = (await make({ name: 'expired', expiresAt })).key;
  const disabled = await make({ name: 'disabled' });
  keys.disabled = disabled.key;
  // Made last and known last: whoever knows this one knows the others too.
  for (const replica of [usual, marie]) await works(replica, keys.disabled);
  await api(usual, `POST /keys/${disabled.keyId}/disable`, { key: keys.good });
  for (const replica of [usual, marie])
    for (const key of [keys.disabled, keys.expired])
      await waitFor(async () => (await api(replica, 'GET /me', { key })).status === 401);
});

afterAll(() => stack?.stop());

/** Sends the header exactly as it stands: an HTTP client would tidy it up first. */
async function statusOf(profile: string, authorization: string | undefined) {
  const { port } = new URL(replicaOf(profile).address);
  const socket = connect(Number(port), '127.0.0.1');
  const header = authorization === undefined ? '' : `Authorization: ${authorization}\r\n`;
  socket.write(`GET /api/v1/identity/me HTTP/1.1\r\nHost: identity\r\nConnection: close\r\n${header}\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  const [head = '', body = '{}'] = answer.split('\r\n\r\n');
  return {
    status: Number(head.split(' ')[1]),
    challenge: /^www-authenticate: (.*)$/im.exec(head)?.[1],
    body: JSON.parse(body) as { code?: string; detail?: string },
  };
}

/** formats.md, "HTTP status": what a caller sends, and what each profile answers. */
const table: readonly (readonly [what: string, header: () => string | undefined, usual: number, marie: number])[] = [
  ['a good key', () => `Bearer ${keys.good}`, 200, 200],
  ['the scheme in lower case (RFC 9110 11.1)', () => `bearer ${keys.good}`, 200, 200],
  ['blanks behind the key, which are no part of a header (RFC 9110 5.5)', () => `Bearer ${keys.good}  `, 200, 200],
  ['a key from a network it may be used in', () => `Bearer ${keys.here}`, 200, 200],
  ['no header', () => undefined, 401, 403],
  ['an empty header', () => '', 401, 403],
  ['a scheme other than Bearer', () => `Basic ${Buffer.from('owner:secret').toString('base64')}`, 401, 403],
  ['a key without a scheme', () => keys.good, 401, 403],
  ['a scheme without a key', () => 'Bearer', 401, 403],
  ['a key with something behind it', () => `Bearer ${keys.good} x`, 401, 403],
  ['a key that is one character short', () => `Bearer ${keys.good.slice(0, -1)}`, 401, 403],
  ['a key that is one character long', () => `Bearer ${keys.good}A`, 401, 403],
  ['a key with a character outside the alphabet', () => `Bearer ${keys.good.slice(0, -1)}=`, 401, 403],
  ['something that is no key at all', () => 'Bearer hello', 401, 403],
  ['a key nobody has', () => `Bearer ${generateKey('mas_')}`, 401, 401],
  ['a service key called a user key', () => `Bearer ${keys.good.replace('mas_', 'mau_')}`, 401, 401],
  ['a disabled key', () => `Bearer ${keys.disabled}`, 401, 401],
  ['an expired key', () => `Bearer ${keys.expired}`, 401, 401],
  ['a key from outside its networks', () => `Bearer ${keys.elsewhere}`, 401, 401],
  ['a set-up token', () => `Bearer ${owner.setupToken}`, 401, 403],
  ['a device key', () => `Bearer m87_${'a'.repeat(8)}.${'b'.repeat(40)}`, 401, 401],
];

describe.each(['default', 'marie'] as const)('status profile %s', (profile) => {
  it.each(table)('answers %s', async (_what, header, usual, marie) => {
    expect((await statusOf(profile, header())).status).toBe(profile === 'default' ? usual : marie);
  });

  it('challenges whoever gets 401', async () => {
    const { status, challenge } = await statusOf(profile, `Bearer ${generateKey('mas_')}`);
    expect({ status, challenge }).toEqual({ status: 401, challenge: 'Bearer' });
  });

  it('tells an unknown key from a disabled, expired or misplaced one by nothing', async () => {
    const bearers = [generateKey('mas_'), keys.disabled, keys.expired, keys.elsewhere];
    const answers = await Promise.all(bearers.map((key) => statusOf(profile, `Bearer ${key}`)));
    const [first] = answers.map(({ body }) => ({ code: body.code, detail: body.detail }));
    for (const { body } of answers) expect({ code: body.code, detail: body.detail }).toEqual(first);
  });

  it('answers 403 to a caller who is known and may not', async () => {
    stack.policy.denies = () => true;
    const { status } = await api(replicaOf(profile), 'GET /tenant', { key: keys.good });
    stack.policy.denies = () => false;
    expect(status).toBe(403);
  });
});
