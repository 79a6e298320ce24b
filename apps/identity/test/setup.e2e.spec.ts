import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKey } from '@gatehouse/crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { api, works } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let replica: Replica;
let owner: FirstOwner;

beforeAll(async () => {
  stack = await startStack();
  owner = await stack.bootstrap();
  replica = await stack.serve();
});

afterAll(() => stack?.stop());

const redeem = (token: string, at: Replica = replica) => api(at, 'POST /setup', { body: { token } });

/** All of an answer that may differ between two refusals is its trace. */
const shape = ({ status, headers, body }: Awaited<ReturnType<typeof redeem>>) => ({
  status,
  challenge: headers.get('www-authenticate'),
  body: { ...body, traceId: '' },
});

async function offerAnother(name: string): Promise<FirstOwner> {
  const out = join(stack.folder, name);
  const { code, output } = await stack.command(['offer-setup', '--out', out]);
  expect(output).not.toMatch(/gst_|m[au][su]_/);
  expect({ code, output }).toMatchObject({ code: 0 });
  return JSON.parse(readFileSync(out, 'utf8')) as FirstOwner;
}

/** A bootstrap that was interrupted for longer than its link lives, and then finished. */
async function offerExpired(): Promise<FirstOwner> {
  const late: FirstOwner = {
    tenantId: 'late',
    ownerId: crypto.randomUUID(),
    setupToken: generateKey('gst_'),
    setupExpiresAt: new Date(Date.now() - 1).toISOString(),
    operatorKey: generateKey('mas_'),
  };
  writeFileSync(join(stack.folder, 'late-first-owner.json'), JSON.stringify(late), { mode: 0o600 });
  return stack.bootstrap('late');
}

describe('the set-up link', () => {
  it('gives the owner a first key, once; whatever is wrong with a link, the refusal is the same', async () => {
    const unknown = await redeem(generateKey('gst_'));
    expect(unknown).toMatchObject({ status: 401, body: { code: 'setup_link_invalid' } });

    const race = await Promise.all([1, 2, 3].map(() => redeem(owner.setupToken)));
    const won = race.filter(({ status }) => status === 201);
    expect(won).toHaveLength(1);
    const key = won[0]?.body.key ?? '';
    expect(key).toMatch(/^mau_[A-Za-z0-9_-]{53}[AQgw]$/);
    await works(replica, key);
    const me = await api(replica, 'GET /me', { key });
    expect(me.body).toMatchObject({ type: 'user', id: owner.ownerId, tenantId: 'main', keyId: won[0]?.body.keyId });
    expect(await stack.superuser(`select from identity.keys where family = 'mau'`)).toHaveLength(1);

    const used = await redeem(owner.setupToken);
    const replaced = await offerAnother('second-link.json');
    await offerAnother('third-link.json');
    const expired = await offerExpired();
    const refusals = [
      used,
      await redeem(replaced.setupToken),
      await redeem(expired.setupToken),
      await redeem('not even of that form'),
    ];
    expect(refusals.map(shape)).toEqual(refusals.map(() => shape(unknown)));
  });

  it('bounds attempts and says when to come back', async () => {
    const other = await stack.serve();
    const answers = await Promise.all(Array.from({ length: 14 }, () => redeem(generateKey('gst_'), other)));
    const limited = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(limited).toHaveLength(4);
    expect(Number(limited[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(5);
    expect(limited[0]?.body.code).toBe('rate_limited');
  });

  it('is a way back for an owner who lost the key', async () => {
    const fresh = await stack.serve();
    const { setupToken } = await offerAnother('fourth-link.json');
    const first = await redeem(setupToken, fresh);
    expect(first.status).toBe(201);
    await works(fresh, first.body.key);
    const mine = await api(fresh, 'POST /keys', { key: first.body.key, body: { name: 'laptop', family: 'mau' } });
    expect(mine).toMatchObject({ status: 201, body: { principal: { type: 'user', id: owner.ownerId } } });
    const roles = { name: 'laptop-2', family: 'mau', roles: ['viewer'] };
    expect(await api(fresh, 'POST /keys', { key: first.body.key, body: roles })).toMatchObject({
      status: 400,
      body: { code: 'user_key_with_roles' },
    });
  });

  it('takes the token from the body alone', async () => {
    const { setupToken } = await offerAnother('fifth-link.json');
    const query = await api(replica, `POST /setup?token=${setupToken}`, { body: {} });
    expect(query).toMatchObject({ status: 400, body: { code: 'key_in_address' } });
    expect(replica.log()).not.toContain(setupToken);
  });

  it('leaves read models that equal their events', async () => {
    const key = owner.operatorKey;
    for (const name of ['keys', 'setup_offers']) {
      expect((await api(replica, `POST /projections/${name}/rebuild`, { key })).status).toBe(202);
      const report = await waitFor(async () => {
        const { body } = await api(replica, 'GET /projections', { key });
        const state = body.projections.find((projection) => projection.name === name);
        return state && !state.rebuildRequested && state.lastRebuild;
      });
      expect(report).toMatchObject({ differences: 0, parked: 0 });
      expect(report).not.toMatchObject({ events: 0 });
    }
  });
});
