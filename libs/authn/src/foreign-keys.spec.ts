import { beforeEach, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { ForeignKeys } from './foreign-keys.js';
import type { NotAuthenticated } from './principal.js';

const minute = 60_000;
const start = Date.UTC(2026, 10, 22);

/** An issuer's key set: what it answers now, and how often it was asked. */
const issuer = { asked: 0, status: 200, keys: [] as JWK[] };
const fetch = async () => {
  issuer.asked += 1;
  if (issuer.status === 0) throw new Error('connection refused');
  return new Response(JSON.stringify({ keys: issuer.keys }), { status: issuer.status });
};
const newKey = async (kid: string): Promise<JWK> => {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
};
const make = () => new ForeignKeys({ jwksUri: 'https://id.example.org/jwks', fetch });
const find = (keys: ForeignKeys, kid: string, nowMs: number) =>
  keys.find({ alg: 'ES256', kid }, nowMs).then(
    () => 'found',
    (error: NotAuthenticated) => error.failure,
  );

describe("the keys of somebody else's issuer", () => {
  beforeEach(async () => {
    Object.assign(issuer, { asked: 0, status: 200, keys: [await newKey('one')] });
  });

  it('are fetched once, whoever waits for them', async () => {
    const keys = make();
    const found = await Promise.all(Array.from({ length: 20 }, () => find(keys, 'one', start)));
    expect(new Set(found)).toEqual(new Set(['found']));
    expect(issuer.asked).toBe(1);
  });

  it('are fetched again at once for a key that nobody knows, and that is how a rotation is learned', async () => {
    const keys = make();
    await find(keys, 'one', start);
    issuer.keys = [...issuer.keys, await newKey('two')];
    expect(await find(keys, 'two', start + 1)).toBe('found');
    expect([issuer.asked, keys.generation]).toEqual([2, 2]);
  });

  it('make one fetch in 30 seconds however many unknown keys are named', async () => {
    const keys = make();
    await find(keys, 'one', start);
    for (let n = 0; n < 500; n++) expect(await find(keys, `unknown-${n}`, start + n)).toBe('unknown');
    expect(issuer.asked).toBe(2);
    expect(await find(keys, 'unknown', start + 31_000)).toBe('unknown');
    expect(issuer.asked).toBe(3);
  });

  it('go on for a day while the issuer is away; a new key is then nobody knows, not a refusal', async () => {
    const keys = make();
    await find(keys, 'one', start);
    issuer.status = 0;
    expect(await find(keys, 'one', start + 60 * minute)).toBe('found');
    expect(await find(keys, 'two', start + 60 * minute + 1)).toBe('not_ready');
    expect(await find(keys, 'one', start + 25 * 60 * minute)).toBe('not_ready');
  });

  it('that are gone from the set verify nothing after the next refresh', async () => {
    const keys = make();
    await find(keys, 'one', start);
    issuer.keys = [await newKey('two')];
    await find(keys, 'one', start + 11 * minute);
    expect(await find(keys, 'two', start + 11 * minute + 1)).toBe('found');
    expect(await find(keys, 'one', start + 11 * minute + 2)).toBe('unknown');
  });

  it('are asked for every 5 seconds at most while there are none', async () => {
    issuer.status = 500;
    const keys = make();
    for (let n = 0; n < 50; n++) expect(await find(keys, 'one', start + n)).toBe('not_ready');
    expect(issuer.asked).toBe(1);
    issuer.status = 200;
    expect(await find(keys, 'one', start + 5_000)).toBe('found');
  });

  it('are no shared secrets, and no more than a hundred', async () => {
    issuer.keys = [{ kty: 'oct', k: 'c2VjcmV0', kid: 'shared', alg: 'HS256' }, ...issuer.keys];
    const keys = make();
    expect(await keys.find({ alg: 'HS256', kid: 'shared' }, start).catch(({ failure }) => failure)).toBe('unknown');
    issuer.keys = Array.from({ length: 101 }, (_, n) => ({ kty: 'EC', kid: `${n}` }));
    expect(await find(make(), '1', start)).toBe('not_ready');
  });
});
