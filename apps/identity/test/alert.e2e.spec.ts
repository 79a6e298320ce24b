import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call as ask, connectBus } from '@gatehouse/bus';
import { type AlertKind, type ObservedRefusal, type ObservedUse, observe } from '@gatehouse/contracts';
import { PostgresEventStore } from '@gatehouse/event-store';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { SignInFailures } from '../src/account/throttle/sign-in-failures.service.js';
import { alertPersonalData } from '../src/alert/personal-data.service.js';
import { Observations } from '../src/observation/observations.service.js';
import { api, works } from './api.fixture.js';
import { countryDatabase } from './mmdb.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';
import { isGenuine, type Message, type Receiver, startReceiver } from './webhook-receiver.fixture.js';

let stack: Stack;
let replica: Replica;
let owner: FirstOwner;
let elsewhere: FirstOwner;
let nc: NatsConnection;
let receiver: Receiver;
let secret: string;
let channelId: string;
let key: string;

beforeAll(async () => {
  stack = await startStack();
  owner = await stack.bootstrap();
  elsewhere = await stack.bootstrap('other');
  key = owner.operatorKey;
  const countries = join(stack.folder, 'countries.mmdb');
  writeFileSync(countries, countryDatabase({ '198.51.100.0/24': 'DE', '203.0.113.0/24': 'FR' }));
  const settings = { WEBHOOK_TARGETS: 'any', WEBHOOK_RETRY_MS: '200', GEOIP_DATABASE: countries };
  // Two of them, which share the reports: whatever happens here happens with replicas.
  [replica] = await Promise.all([stack.serve(settings), stack.serveApart(settings)]);
  await Promise.all([works(replica, key), works(replica, elsewhere.operatorKey)]);
  nc = await connectBus({ servers: stack.nats.url, user: 'policy' });
  receiver = await startReceiver();
  const made = await call('POST /alerts/channels', { type: 'webhook', name: 'pager', url: receiver.url });
  ({ secret, channelId } = made.body);
});

afterAll(async () => {
  receiver?.close();
  await nc?.close();
  await stack?.stop();
});

interface AlertBody {
  readonly alertId: string;
  readonly kind: AlertKind;
  readonly subject: { type: string; id: string };
  readonly status: string;
  readonly count: number;
  readonly place?: string;
  readonly acknowledgedBy?: string;
}
interface Body {
  readonly code: string;
  readonly secret: string;
  readonly channelId: string;
  readonly deliveryId: string;
  readonly status: string;
  readonly alerts: readonly AlertBody[];
  readonly channels: readonly { channelId: string; host?: string; userId?: string }[];
  readonly deliveries: readonly { deliveryId: string; status: string; tries: number; problem?: string }[];
  readonly nextCursor: string | null;
  readonly rules: Record<string, { threshold: number }>;
}

async function call(what: string, body?: unknown, as = key) {
  const answer = await api(replica, what, { key: as, ...(body !== undefined && { body }) });
  return { status: answer.status, body: answer.body as unknown as Body };
}

const quick = { enabled: true, threshold: 5, windowSeconds: 60, quietSeconds: 1 };
const patient = { ...quick, quietSeconds: 600 };
const settle = (rules: object, more: object = {}) => call('PUT /alerts/settings', { rules, ...more });
const alerts = async (query = '', as = key) => (await call(`GET /alerts${query}`, undefined, as)).body.alerts;
const told = (kind: string): readonly Message[] => receiver.taken.filter(({ body }) => body.data.kind === kind);

let moment = 0;
/** A row that no report had before. */
const refusal = (more: Partial<ObservedRefusal>): ObservedRefusal => {
  const at = new Date(Date.now() - 5_000 + ++moment).toISOString();
  return { status: 401, reason: 'unknown', ip: '192.0.2.1', count: 1, firstAt: at, lastAt: at, ...more };
};
const report = (refusals: readonly ObservedRefusal[], uses: readonly ObservedUse[] = []) =>
  ask(nc, observe, { service: 'policy', refusals: [...refusals], uses: [...uses] }, 10_000);
const use = (keyId: string, ip: string): ObservedUse => {
  const at = new Date().toISOString();
  return { keyId, ip, count: 1, firstAt: at, lastAt: at };
};
const denied = (id: string, count = 1, tenantId = 'main') =>
  refusal({ status: 403, reason: 'denied', tenantId, principal: { type: 'service', id }, count });

async function newKey(name: string): Promise<string> {
  const { body } = await api(replica, 'POST /keys', { key, body: { name } });
  await works(replica, body.key);
  await untilPlaced(body.keyId);
  return body.keyId;
}

/** The replica's own report of that use comes a moment later, and must not come between those of a test. */
const untilPlaced = (keyId: string) =>
  waitFor(
    async () => (await stack.superuser('select from identity.alert_places where key_id = $1', [keyId])).length > 0,
    {
      message: 'the use of the new key to be reported',
    },
  );

afterEach(() => {
  receiver.status = 200;
});

describe('a burst of refusals', () => {
  it('is one alert and one signed message, not one per request', async () => {
    await settle({ denied_principal: patient });
    const rows = Array.from({ length: 1_000 }, () => denied('scanner'));
    await Promise.all(Array.from({ length: 10 }, (_, i) => report(rows.slice(i * 100, i * 100 + 100))));
    const [message] = await waitFor(() => (told('denied_principal').length > 0 ? told('denied_principal') : undefined));
    expect(isGenuine(secret, message as Message)).toBe(true);
    expect(message?.body).toMatchObject({
      type: 'alert.raised',
      data: { tenantId: 'main', kind: 'denied_principal', subject: { type: 'service', id: 'scanner' }, threshold: 5 },
    });
    expect(await alerts('?kind=denied_principal')).toMatchObject([{ count: 1_000, status: 'open' }]);
    await report(rows.slice(0, 500));
    expect(await alerts('?kind=denied_principal')).toMatchObject([{ count: 1_000 }]);
    const events = await stack.superuser(`select from identity.events where type = 'alert.raised'`);
    expect([events.length, told('denied_principal').length]).toEqual([1, 1]);
  });

  it('is a message that nobody can change or send again later', () => {
    const [message] = told('denied_principal') as [Message];
    expect(isGenuine(secret, { ...message, text: message.text.replace('scanner', 'innocent') })).toBe(false);
    expect(isGenuine(secret, { ...message, headers: { ...message.headers, 'webhook-id': 'other' } })).toBe(false);
    expect(isGenuine(secret, message, Date.now() + 301_000)).toBe(false);
    const later = { ...message.headers, 'webhook-timestamp': String(Math.floor(Date.now() / 1_000) + 301) };
    expect(isGenuine(secret, { ...message, headers: later }, Date.now() + 301_000)).toBe(false);
    expect(isGenuine(`whsec_${Buffer.alloc(32, 1).toString('base64')}`, message)).toBe(false);
  });

  it('counts once, also when the report of it comes again with more', async () => {
    await settle({ denied_principal: patient });
    const first = denied('stammerer', 6);
    const more = { ...first, count: 9, lastAt: new Date().toISOString() };
    for (const row of [first, first, more, more, first]) await report([row]);
    expect((await alerts()).filter(({ subject }) => subject.id === 'stammerer')).toMatchObject([{ count: 9 }]);
  });

  it('below the threshold, or in as many windows, is none', async () => {
    await settle({ denied_principal: { ...patient, windowSeconds: 6 } });
    await report([denied('calm', 4)]);
    const old = new Date(Date.now() - 60_000).toISOString();
    await report([{ ...denied('calm', 4), firstAt: old, lastAt: old }]);
    expect((await alerts()).filter(({ subject }) => subject.id === 'calm')).toEqual([]);
    await report([denied('calm', 1)]);
    expect((await alerts()).filter(({ subject }) => subject.id === 'calm')).toHaveLength(1);
  });

  it('after quiet is another alert, and its end is told to who asks for it', async () => {
    await settle({ denied_principal: quick }, { notifyResolved: true });
    const of = async () => (await alerts('?kind=denied_principal')).filter(({ subject }) => subject.id === 'returning');
    await report([denied('returning', 9)]);
    const over = await waitFor(async () => (await of()).find(({ status }) => status === 'resolved'));
    expect(over).toMatchObject({ count: 9 });
    await report([denied('returning', 1)]);
    expect(await of()).toHaveLength(1);
    await report([denied('returning', 5)]);
    expect(await of()).toMatchObject([{ status: 'open' }, { status: 'resolved' }]);
    const about = () => receiver.taken.filter(({ text }) => text.includes('returning')).map(({ body }) => body.type);
    await waitFor(() => about().length >= 3);
    expect(about().slice(0, 3).sort()).toEqual(['alert.raised', 'alert.raised', 'alert.resolved']);
  });

  it('of keys and of strangers counts for the key’s tenant and for the operator’s', async () => {
    await settle({ refused_key: patient, unknown_callers: patient });
    const keyId = await newKey('worn');
    await report([refusal({ keyId, reason: 'disabled', count: 6 }), refusal({ ip: 'not an address', count: 6 })]);
    expect(await alerts('?kind=refused_key')).toMatchObject([{ subject: { type: 'key', id: keyId } }]);
    expect(await alerts('?kind=unknown_callers')).toMatchObject([{ subject: { type: 'installation' } }]);
  });

  it('does not count where the tenant says so', async () => {
    await settle({ denied_principal: { ...patient, enabled: false } });
    await report([denied('ignored', 500)]);
    expect((await alerts()).filter(({ subject }) => subject.id === 'ignored')).toEqual([]);
    expect((await call('GET /alerts/settings')).body.rules).toMatchObject({ refused_key: { threshold: 20 } });
  });

  it('of everybody at once is a bounded number of alerts', async () => {
    await settle({ denied_principal: patient });
    const open = async () =>
      (await stack.superuser(`select from identity.alert_incidents where tenant_id = 'main'`)).length;
    await report(Array.from({ length: 200 }, (_, i) => denied(`bot-${i}`, 10)));
    expect(await open()).toBe(51);
    expect(await alerts('?kind=alert_storm')).toHaveLength(1);
    const messages = await stack.superuser<{ n: number }>('select count(*)::int as n from identity.alert_deliveries');
    expect(messages[0]?.n).toBeLessThan(100);
    await stack.superuser(`update identity.alert_incidents set quiet_until = now()`);
    // Of other kinds, the calls of this test itself may go on.
    await waitFor(
      async () =>
        (await stack.superuser(`select from identity.alert_incidents where subject_id like 'bot-%'`)).length === 0,
      { timeoutMs: 30_000 },
    );
  });
});

describe('a key', () => {
  it('whose old text is used after its rotation is an alert at once', async () => {
    const keyId = await newKey('rotated');
    await report([refusal({ keyId, reason: 'rotated' }), refusal({ keyId, reason: 'rotated' })]);
    expect(await alerts('?kind=rotated_key_used')).toMatchObject([{ count: 2, subject: { type: 'key', id: keyId } }]);
  });

  it('in a new network is an alert after its first days, in which places are learnt', async () => {
    const keyId = await newKey('traveller');
    const places = async () => (await alerts('?kind=new_network')).filter(({ subject }) => subject.id === keyId);
    await settle({ new_network: { ...patient, threshold: 1 } }, { learningDays: 7 });
    await report([], [use(keyId, '198.51.100.1'), use(keyId, '198.51.100.2'), use(keyId, '203.0.113.1')]);
    expect(await places()).toEqual([]);
    await settle({ new_network: { ...patient, threshold: 1 } }, { learningDays: 0 });
    await report([], [use(keyId, '203.0.113.200')]);
    expect(await places()).toEqual([]);
    await report([], [use(keyId, '192.0.2.77')]);
    await report([], [use(keyId, '192.0.2.78'), use(keyId, '198.18.5.1')]);
    expect(await places()).toMatchObject([{ place: '192.0.2.0/24', count: 2 }]);
  });

  it('in a new country is an alert of its own', async () => {
    const keyId = await newKey('emigrant');
    await settle({ new_country: { ...patient, threshold: 1 } }, { learningDays: 0 });
    await report([], [use(keyId, '198.51.100.1')]);
    await report([], [use(keyId, '192.0.2.1'), use(keyId, '2001:db8::1')]);
    const countries = async () => (await alerts('?kind=new_country')).filter(({ subject }) => subject.id === keyId);
    expect(await countries()).toEqual([]);
    await report([], [use(keyId, '203.0.113.1')]);
    expect(await countries()).toMatchObject([{ place: 'FR', count: 1 }]);
  });

  it('of a person does not write down where the person is', async () => {
    const { body } = await api(replica, 'POST /setup', { body: { token: owner.setupToken } });
    await works(replica, body.key);
    await untilPlaced(body.keyId);
    await settle({ new_network: { ...patient, threshold: 1 } }, { learningDays: 7 });
    await report([], [use(body.keyId, '198.51.100.99')]);
    await settle({ new_network: { ...patient, threshold: 1 } }, { learningDays: 0 });
    await report([], [use(body.keyId, '2001:db8:beef::1')]);
    const found = (await alerts('?kind=new_network')).find(({ subject }) => subject.id === body.keyId);
    expect(found).toMatchObject({ place: '2001:db8:beef::/48' });
    for (const table of ['alerts', 'alert_places', 'alert_deliveries', 'events']) {
      const rows = await stack.superuser<{ text: string }>(`select t::text as text from identity.${table} t`);
      expect(rows.map(({ text }) => text).join()).not.toMatch(/2001:db8|198\.51\.100\.99/);
    }
    expect(receiver.taken.map(({ text }) => text).join()).not.toContain('2001:db8');
  });

  it('failed sign-ins to an account are told to the person’s home, once, as the window of the account ends', async () => {
    await settle({ failed_sign_ins: patient });
    const principal = { type: 'user', id: owner.ownerId };
    await stack.superuser(
      `insert into identity.sign_in_failures (subject, reason, tenant_id, user_id, count, first_at, last_at)
       values ($1::text, 'password', 'main', $1::uuid, 9, now() - interval '61 seconds', now() - interval '2 seconds')`,
      [owner.ownerId],
    );
    // What every replica does four times a minute, here at once and by two.
    const pools = [
      new pg.Pool({ connectionString: stack.env().DATABASE_SYSTEM_URL }),
      new pg.Pool({ connectionString: stack.databaseUrl() }),
    ] as const;
    const observations = new Observations();
    observations.add(async (seen) => void (await ask(nc, observe, seen)));
    const store = new PostgresEventStore({ service: 'identity', pool: pools[1] });
    const failures = new SignInFailures(pools[0], store, 'main', observations);
    await Promise.all([failures.tell(Date.now()), failures.tell(Date.now())]);
    await Promise.all(pools.map((pool) => pool.end()));
    expect(await alerts('?kind=failed_sign_ins')).toMatchObject([{ subject: principal, count: 9 }]);
    expect(await stack.superuser(`select from identity.events where type = 'sign_in.failed'`)).toHaveLength(1);
  });
});

describe('a message', () => {
  it('that cannot be delivered is tried again, and taken once', async () => {
    await settle({ denied_principal: patient });
    receiver.status = 503;
    await report([denied('outage', 5)]);
    await waitFor(() => receiver.refused.filter((text) => text.includes('"outage"')).length >= 2);
    receiver.status = 200;
    const about = () => receiver.taken.filter(({ text }) => text.includes('"outage"'));
    await waitFor(() => about().length === 1);
    const { body } = await waitFor(async () => {
      const answer = await call('GET /alerts/deliveries?limit=1');
      return answer.body.deliveries[0]?.status === 'sent' ? answer : undefined;
    });
    expect(body.deliveries[0]?.tries).toBeGreaterThan(2);
    expect(about()).toHaveLength(1);
  });

  it('is parked after a day, shown, and tried again when somebody says so', async () => {
    receiver.status = 500;
    const { deliveryId } = (await call(`POST /alerts/channels/${channelId}/test`)).body;
    await stack.superuser(
      `update identity.alert_deliveries set created_at = now() - interval '25 hours' where delivery_id = $1`,
      [deliveryId],
    );
    const parked = await waitFor(async () => {
      const { deliveries } = (await call('GET /alerts/deliveries?status=parked')).body;
      return deliveries.find((each) => each.deliveryId === deliveryId);
    });
    expect(parked).toMatchObject({ problem: 'status_500' });
    receiver.status = 200;
    await call(`POST /alerts/deliveries/${deliveryId}/retry`);
    await waitFor(() => receiver.taken.some(({ id }) => id === deliveryId));
  });

  it('carries both signatures while a secret is replaced', async () => {
    const rotated = await call(`POST /alerts/channels/${channelId}/rotate-secret`);
    expect(rotated.body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { deliveryId } = (await call(`POST /alerts/channels/${channelId}/test`)).body;
    const message = await waitFor(() => receiver.taken.find(({ id }) => id === deliveryId));
    expect([secret, rotated.body.secret].map((each) => isGenuine(each, message))).toEqual([true, true]);
    await stack.superuser('update identity.alert_channels set previous_until = now()');
    const next = (await call(`POST /alerts/channels/${channelId}/test`)).body.deliveryId;
    const after = await waitFor(() => receiver.taken.find(({ id }) => id === next));
    expect([secret, rotated.body.secret].map((each) => isGenuine(each, after))).toEqual([false, true]);
  });

  it('goes to members by e-mail, sealed, and to nobody else', async () => {
    const stranger = await call('POST /alerts/channels', { type: 'email', name: 'x', email: 'owner@other.localhost' });
    expect(stranger).toMatchObject({ status: 400, body: { code: 'recipient_not_member' } });
    const made = await call('POST /alerts/channels', { type: 'email', name: 'mail', email: 'Owner@main.localhost' });
    expect(made).toMatchObject({ status: 201, body: { userId: owner.ownerId } });
    const { deliveryId } = (await call(`POST /alerts/channels/${made.body.channelId}/test`)).body;
    await waitFor(async () => {
      const { deliveries } = (await call(`GET /alerts/deliveries?channelId=${made.body.channelId}`)).body;
      return deliveries.some((each) => each.deliveryId === deliveryId && each.status === 'sent');
    });
    const letters = await stack.superuser<{ text: string; subject: string }>(
      `select m::text as text, subject from identity.mail_queue m`,
    );
    expect(letters.map(({ subject }) => subject)).toEqual([owner.ownerId]);
    expect(letters[0]?.text).not.toContain('owner@main');
    await call(`DELETE /alerts/channels/${made.body.channelId}`);
  });
});

describe('what is held on a person', () => {
  it('can be read, and is gone after an erasure', async () => {
    const { DATABASE_SYSTEM_URL: connectionString } = stack.env();
    const pool = new pg.Pool({ connectionString, max: 1 });
    const made = await call('POST /alerts/channels', { type: 'email', name: 'mine', email: 'owner@main.localhost' });
    const held = alertPersonalData(pool);
    const read = async () =>
      Promise.all(held.map(async (kind) => [kind.kind, (await kind.read(owner.ownerId)).length]));
    expect(await read()).toEqual([
      ['alert_channels', 1],
      ['key_places', expect.any(Number)],
    ]);
    expect((await held[1]?.read(owner.ownerId))?.[0]).toMatchObject({ tenantId: 'main', kind: 'new_country' });
    expect(await Promise.all(held.map((kind) => kind.erase(owner.ownerId)))).toEqual([1, expect.any(Number)]);
    expect(await read()).toEqual([
      ['alert_channels', 0],
      ['key_places', 0],
    ]);
    expect(await Promise.all(held.map((kind) => kind.erase(owner.ownerId)))).toEqual([0, 0]);
    await pool.end();
    expect((await call(`POST /alerts/channels/${made.body.channelId}/test`)).status).toBe(404);
  });
});

describe('alerts and channels of one tenant', () => {
  it('are acknowledged by who may, once', async () => {
    const [alert] = (await alerts('?acknowledged=false')) as [AlertBody];
    const first = await call(`POST /alerts/${alert.alertId}/acknowledge`);
    expect(first.body).toMatchObject({ acknowledgedBy: 'service/operator' });
    expect((await call(`POST /alerts/${alert.alertId}/acknowledge`)).body).toEqual(first.body);
    expect((await alerts('?acknowledged=true')).map(({ alertId }) => alertId)).toEqual([alert.alertId]);
    stack.policy.denies = ({ action }) => action === 'alert.write';
    const [next] = (await alerts('?acknowledged=false')) as [AlertBody];
    const refused = await call(`POST /alerts/${next.alertId}/acknowledge`);
    stack.policy.denies = () => false;
    expect(refused.status).toBe(403);
  });

  it('are listed a page at a time, newest first', async () => {
    const all = await alerts('?limit=200');
    const first = (await call('GET /alerts?limit=2')).body;
    const second = (await call(`GET /alerts?limit=2&cursor=${first.nextCursor}`)).body;
    expect([...first.alerts, ...second.alerts].map(({ alertId }) => alertId)).toEqual(
      all.slice(0, 4).map(({ alertId }) => alertId),
    );
  });

  it('are not seen, changed or fed by another', async () => {
    const other = elsewhere.operatorKey;
    const [alert] = (await alerts()) as [AlertBody];
    expect(await alerts('', other)).toEqual([]);
    for (const what of [
      ...[`GET /alerts/${alert.alertId}`, `POST /alerts/${alert.alertId}/acknowledge`],
      ...[`DELETE /alerts/channels/${channelId}`, `POST /alerts/channels/${channelId}/test`],
      `POST /alerts/channels/${channelId}/rotate-secret`,
    ])
      expect([what, (await call(what, undefined, other)).status]).toEqual([what, 404]);
    expect((await call('GET /alerts/channels', undefined, other)).body.channels).toEqual([]);
    expect((await call('GET /alerts/deliveries', undefined, other)).body.deliveries).toEqual([]);
    await report([denied('theirs', 500, 'other')]);
    expect(await alerts('', other)).toHaveLength(1);
    const sent = await stack.superuser(`select from identity.alert_deliveries where body like '%theirs%'`);
    expect([sent, receiver.taken.some(({ text }) => text.includes('theirs'))]).toEqual([[], false]);
  });

  it.each(['alerts', 'alert_channels', 'alert_deliveries', 'alert_incidents', 'alert_counts', 'alert_places'])(
    'are not in another tenant’s sight of %s, whatever the statement says',
    async (table) => {
      const client = new pg.Client(stack.databaseUrl());
      await client.connect();
      const tenants = async (tenantId: string) => {
        await client.query(`select set_config('gatehouse.tenant', $1, false)`, [tenantId]);
        return (await client.query<{ tenant_id: string }>(`select distinct tenant_id from ${table}`)).rows;
      };
      const seen = [await tenants('nobody'), await tenants('main')];
      await client.end();
      const [anybody] = await stack.superuser<{ n: number }>(
        `select count(*)::int as n from identity.${table} where tenant_id = 'main'`,
      );
      expect(seen).toEqual([[], (anybody?.n ?? 0) > 0 ? [{ tenant_id: 'main' }] : []]);
    },
  );

  it('keep address and secret of a webhook sealed', async () => {
    expect((await call('GET /alerts/channels')).body.channels).toEqual([
      expect.objectContaining({ channelId, host: new URL(receiver.url).host }),
    ]);
    const rows = await stack.superuser<{ text: string }>(
      `select c::text as text from identity.alert_channels c union all select envelope from identity.events`,
    );
    const everything = rows.map(({ text }) => text).join();
    expect(everything).not.toContain('/hook');
    expect(everything).not.toContain(secret.slice(6));
  });

  it('are at most twenty channels, each with a name of its own', async () => {
    const add = (name: string) =>
      call('POST /alerts/channels', { type: 'webhook', name, url: receiver.url }, elsewhere.operatorKey);
    for (let i = 0; i < 20; i++) expect((await add(`n${i}`)).status).toBe(201);
    expect(await add('one more')).toMatchObject({ status: 409, body: { code: 'too_many_channels' } });
    const named = await call('POST /alerts/channels', { type: 'webhook', name: 'pager', url: receiver.url });
    expect(named).toMatchObject({ status: 409, body: { code: 'channel_name_taken' } });
    const bad = await call('POST /alerts/channels', { type: 'webhook', name: 'bad', url: 'ftp://example.org' });
    expect(bad).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
  });
});
