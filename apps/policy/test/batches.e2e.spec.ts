import { call, connectBus } from '@gatehouse/bus';
import { decide } from '@gatehouse/contracts';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type PolicyStack, question, startPolicyStack, tenant, untilKnown } from './policy-stack.js';

let stack: PolicyStack;
let operator: string;
let admin: pg.Client;

beforeAll(async () => {
  stack = await startPolicyStack();
  operator = (await stack.identity.createKey(tenant, 'operator', ['owner'])).key;
  await untilKnown(stack, operator);
  admin = new pg.Client({ connectionString: stack.adminUrl });
  await admin.connect();
  await grant('maintainer', 'maintainer');
});
afterAll(async () => {
  await admin?.end();
  await stack?.stop();
});

async function grant(id: string, role: string): Promise<{ position: string }> {
  const body = { subject: { type: 'user', id }, role };
  const response = await stack.call('/api/v1/policy/grants', { key: operator, body });
  expect(response.status).toBe(201);
  return (await response.json()) as { position: string };
}

interface Item {
  readonly decision: boolean;
  readonly context: { readonly id?: string; readonly reason?: string; readonly error?: { readonly status: number } };
}
interface BatchBody {
  readonly context?: { readonly policy: string; readonly facts: string };
  readonly evaluations: readonly Item[];
}

const ask = (body: unknown, headers = {}) => stack.call('/access/v1/evaluations', { key: operator, body, headers });
const batch = async (body: unknown) => {
  const response = await ask(body);
  expect(response.status).toBe(200);
  return (await response.json()) as BatchBody;
};
const recorded = async (type: string) =>
  (await admin.query('select envelope from policy.events where type = $1 order by tx, seq', [type])).rows.map((row) =>
    JSON.parse(row.envelope as string),
  );
const eventIds = (items: readonly Item[]) => [...new Set(items.map(({ context }) => context.id?.split('.')[0]))];

const good = question('user/maintainer', 'deploy.production', 'project/app-web');
const denied = { ...good, action: { name: 'billing.manage' } };

describe('the record of a batch', () => {
  it('is one event: what was decided by one policy at one position, each item with its number', async () => {
    const answer = await batch({ ...good, evaluations: [{}, denied, { subject: { id: 7 } }, {}] });
    expect(answer.evaluations.map(({ decision }) => decision)).toEqual([true, false, false, true]);
    expect(answer.evaluations[2]?.context).toMatchObject({ error: { status: 400 } });
    const [id, ...others] = eventIds(answer.evaluations.filter(({ context }) => !context.error));
    expect(others).toEqual([]);
    const event = (await recorded('decisions.recorded')).find((one) => one.id === id);
    expect(event).toMatchObject({ actor: { type: 'service', id: 'operator' }, data: answer.context });
    expect(event.data.items).toHaveLength(3);
    expect(answer.evaluations.map(({ context }) => context.id)).toEqual([`${id}.0`, `${id}.1`, undefined, `${id}.2`]);
    const said = [0, 1, 3].map((n) => answer.evaluations[n]?.decision);
    expect(event.data.items.map(({ decision }: Item) => decision)).toEqual(said);
    expect(await recorded('decision.recorded')).not.toContainEqual(expect.objectContaining({ id }));
  });

  it.each([
    ['deny_on_first_deny', [true, false]],
    ['permit_on_first_permit', [true]],
    ['execute_all', [true, false, true]],
  ])('holds exactly what %s decided', async (evaluations_semantic, expected) => {
    const before = (await recorded('decisions.recorded')).length;
    const answer = await batch({ options: { evaluations_semantic }, evaluations: [good, denied, good] });
    expect(answer.evaluations.map(({ decision }) => decision)).toEqual(expected);
    const [event, ...others] = (await recorded('decisions.recorded')).slice(before);
    expect(others).toEqual([]);
    expect(event.data.items.map(({ decision }: Item) => decision)).toEqual(expected);
  });

  it('is as many events as hold it, all there before the answer', async () => {
    const id = 'x'.repeat(500);
    const evaluations = Array.from({ length: 200 }, (_, n) => ({ resource: { type: 'project', id: `${n}-${id}` } }));
    const answer = await batch({ ...good, evaluations });
    const ids = eventIds(answer.evaluations);
    expect(ids.length).toBeGreaterThan(1);
    const events = (await recorded('decisions.recorded')).filter((event) => ids.includes(event.id));
    const items = events.flatMap((event) =>
      event.data.items.map((item: { resource: { id: string } }, n: number) => [`${event.id}.${n}`, item.resource.id]),
    );
    expect(items).toEqual(answer.evaluations.map(({ context }, n) => [context.id, `${n}-${id}`]));
    for (const event of events) expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(60_000);
  });

  it('says nothing where nothing was decided', async () => {
    const before = (await recorded('decisions.recorded')).length;
    expect(await batch({ evaluations: [{}, { subject: 7 }] })).toEqual({
      evaluations: [expect.objectContaining({ decision: false }), expect.objectContaining({ decision: false })],
    });
    expect(await recorded('decisions.recorded')).toHaveLength(before);
  });

  it('holds no address and no key', async () => {
    const secret = `mas_${'A'.repeat(54)}`;
    await batch({
      ...good,
      subject: { type: 'user', id: 'ann@example.org' },
      action: { name: secret },
      evaluations: [{}],
    });
    const text = JSON.stringify((await recorded('decisions.recorded')).at(-1));
    expect(text).not.toMatch(/ann@|AAAAAA/);
    expect(text).toContain('@example.org');
  });
});

describe('AuthZEN, in batches', () => {
  it.each([
    ['an empty body', ''],
    ['no JSON', '{"evaluations":'],
    ['a list', [good]],
    ['a list that is none', { evaluations: {} }],
    ['too many', { ...good, evaluations: Array(201).fill({}) }],
    ['an unknown semantic', { ...good, evaluations: [{}], options: { evaluations_semantic: 'all' } }],
    ['options that are none', { ...good, evaluations: [{}], options: 'execute_all' }],
    ['a single evaluation that lacks its subject', { ...good, subject: undefined, evaluations: [] }],
  ])('answers 400 to %s', async (_name, body) => expect((await ask(body)).status).toBe(400));

  it('answers 400 to another content type, and echoes the request id', async () => {
    expect((await ask(JSON.stringify(good), { 'content-type': 'text/plain' })).status).toBe(400);
    const response = await ask({ ...good, evaluations: [{ more: 1 }], more: 2 }, { 'x-request-id': 'mine-1' });
    expect([response.status, response.headers.get('x-request-id')]).toEqual([200, 'mine-1']);
  });
});

describe('reading one’s own writes', () => {
  const single = (headers: Record<string, string>, body: unknown = good) =>
    stack.call('/access/v1/evaluation', { key: operator, body, headers });

  it('waits for the position of the caller, alone and in batches', async () => {
    const { position } = await grant('fresh', 'maintainer');
    expect(position).toMatch(/^\d+\.\d+$/);
    const about = { ...good, subject: { type: 'user', id: 'fresh' } };
    const headers = { 'gatehouse-position': position };
    expect(await (await single(headers, about)).json()).toMatchObject({ decision: true });
    expect(await (await ask({ ...about, evaluations: [{}] }, headers)).json()).toMatchObject({
      evaluations: [{ decision: true }],
    });
  });

  it('answers 503 within a second to a position that does not come, and 400 to none', async () => {
    const response = await single({ 'gatehouse-position': '18446744073709551615.1' });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    for (const position of ['x', '1', '1.2.3', `1.${'9'.repeat(30)}`, '-1.1'])
      expect((await single({ 'gatehouse-position': position })).status).toBe(400);
  });

  it('over NATS, too', async () => {
    const nc = await connectBus({ servers: stack.nats.url, user: 'identity' });
    const asked = (minPosition: string) =>
      call(nc, decide, {
        tenantId: tenant,
        subject: { type: 'user', id: 'maintainer' },
        action: 'deploy.production',
        resource: good.resource,
        caller: { type: 'gatehouse', id: 'identity' },
        minPosition,
      });
    expect(await asked('1.1')).toMatchObject({ decision: true });
    await expect(asked('18446744073709551615.1')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(asked('soon')).rejects.toMatchObject({ code: 'malformed' });
    await nc.close();
  });
});
