import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { call } from '@gatehouse/bus';
import { personalData } from '@gatehouse/contracts';
import { PublishedLog, type Somebody } from '@gatehouse/service-testing';
import { commandHash, grantKeyRing, verifyGrant } from '@gatehouse/session';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { approve, TestDevice } from './device.fixture.js';
import { type RegistryStack, startRegistryStack } from './registry-stack.fixture.js';

let stack: RegistryStack;
let relay: PublishedLog;
const somebody: Record<string, Somebody> = {};
const member = randomUUID();
const devices = '/api/v1/devices';

beforeAll(async () => {
  stack = await startRegistryStack();
  relay = new PublishedLog(stack.nc, 'relay');
  await stack.tenant('acme', member);
  await stack.tenant('other', randomUUID());
  for (const role of ['owner', 'admin', 'developer', 'viewer', 'nobody'])
    somebody[role] = await stack.somebody('acme', role, role === 'nobody' ? [] : [role]);
  somebody.other = await stack.somebody('other', 'other', ['owner']);
});
afterAll(() => stack?.stop());

const keyOf = (who: string): string => (somebody[who] as Somebody).key;
const as = (who: string, path: string, body?: unknown, method?: string) =>
  stack.call(path, { key: keyOf(who), ...(body !== undefined && { body }), ...(method && { method }) });
const admit = (hostname?: string, approval: object = {}) =>
  new TestDevice(stack, hostname).admit(somebody.owner as Somebody, approval);
const clientKey = () => generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }).x as string;
const pathOf = ({ deviceId }: TestDevice, below = '') => `${devices}/${deviceId}${below}`;
const shell = () => ({ scope: { kind: 'shell' }, clientKey: clientKey() });
const eventOf = async (stream: string) => {
  const { rows } = await stack.superuser.query(
    'select envelope from registry.events where stream_id = $1 order by revision desc limit 1',
    [stream],
  );
  return JSON.parse(rows[0].envelope);
};

describe('a session on a device', () => {
  it('is a grant for this device and this client, signed, recorded, and caused by its decision', async () => {
    const one = await admit('edge-1');
    const wanted = shell();
    const { status, body } = await as('developer', pathOf(one, '/sessions'), wanted);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      device: { id: one.deviceId, name: 'edge-1', sessionKey: one.keys.session },
      relays: ['relay.test:8444'],
    });
    const { keys } = (await as('viewer', `${devices}/grant-keys`)).body;
    const claims = verifyGrant(body.grant, grantKeyRing(keys), {
      deviceId: one.deviceId,
      nowMs: Date.now(),
      holder: Buffer.from(wanted.clientKey, 'base64url'),
    });
    expect(claims).toMatchObject({
      ...{ sid: body.sessionId, aud: one.deviceId, tenantId: 'acme', subject: { type: 'service', id: 'developer' } },
      ...{ credential: somebody.developer?.keyId, actions: ['device.shell'], cnf: { x25519: wanted.clientKey } },
    });
    const granted = await eventOf(`session:${body.sessionId}`);
    expect(granted.data).toMatchObject({ grantId: claims.jti, kind: 'shell', decisions: claims.decisions });
    expect(granted.causationId).toBe(claims.decisions[0]);
  });

  it('is refused to who may not, naming the action and its decision; nothing is granted then', async () => {
    const one = await admit();
    for (const scope of [
      { kind: 'shell' },
      { kind: 'files', paths: ['/'], write: true },
      { kind: 'forward', targets: ['tcp:localhost:80'] },
    ]) {
      const { status, body } = await as('viewer', pathOf(one, '/sessions'), { scope, clientKey: clientKey() });
      expect([status, body.code, body.action.startsWith('device.'), typeof body.decision]).toEqual([
        403,
        'forbidden',
        true,
        'string',
      ]);
    }
    expect(
      (
        await as('developer', pathOf(one, '/sessions'), {
          scope: { kind: 'recording', sessionId: randomUUID() },
          clientKey: clientKey(),
        })
      ).body.action,
    ).toBe('device.recordings.read');
    expect((await as('other', pathOf(one, '/sessions'), shell())).status).toBe(404);
    const { rows } = await stack.superuser.query('select from registry.sessions where device_id = $1', [one.deviceId]);
    expect(rows).toHaveLength(0);
  });

  it('of exec records the command that its hash is of, without keys and addresses, and refuses another one', async () => {
    const one = await admit();
    const secret = `mas_${'A'.repeat(54)}`;
    const command = ['curl', '-H', `Authorization: Bearer ${secret}`, 'ann@example.org', '--x=1'];
    const scope = { kind: 'exec', commandHash: commandHash(command) };
    const wanted = { scope, clientKey: clientKey(), command };
    const { body } = await as('developer', pathOf(one, '/sessions'), wanted);
    const { detail } = (await eventOf(`session:${body.sessionId}`)).data;
    expect(detail).toMatch(/^curl -H Authorization: Bearer p_\S{22} p_\S{22}@example.org --x=1$/);
    const { rows } = await stack.superuser.query(`select from policy.events where strpos(envelope, $1) > 0`, [secret]);
    expect(rows).toHaveLength(0);
    for (const bad of [
      { ...wanted, command: ['rm'] },
      { ...wanted, command: undefined },
      { ...shell(), command: 'ls' },
      { ...wanted, command: ['\ud800'] },
      { ...shell(), clientKey: 'x' },
    ])
      expect((await as('developer', pathOf(one, '/sessions'), bad)).status).toBe(400);
  });

  it('is renewed for the same person, key, device and scope alone, and not after its end', async () => {
    const [one, two] = [await admit(), await admit()];
    const wanted = shell();
    const first = (await as('developer', pathOf(one, '/sessions'), wanted)).body;
    const renewal = { ...wanted, sid: first.sessionId };
    const again = await as('developer', pathOf(one, '/sessions'), renewal);
    expect([again.status, again.body.sessionId]).toEqual([201, first.sessionId]);
    const refused = await Promise.all([
      as('owner', pathOf(one, '/sessions'), renewal),
      as('developer', pathOf(two, '/sessions'), renewal),
      as('developer', pathOf(one, '/sessions'), { ...renewal, clientKey: clientKey() }),
      as('developer', pathOf(one, '/sessions'), { ...renewal, scope: { kind: 'logs' } }),
      as('developer', pathOf(one, '/sessions'), { ...renewal, sid: randomUUID() }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    const ended = {
      sessionId: first.sessionId,
      deviceId: one.deviceId,
      reason: 'closed',
      bytesIn: 1,
      bytesOut: 2,
      durationMs: 3,
    };
    await relay.publish('acme', 'device.session.ended', ended);
    const isOver = async () => (await as('developer', pathOf(one, '/sessions'), renewal)).body.code === 'session_over';
    await waitFor(isOver, { message: 'the session is over' });
  });

  it('counts for a limit where it begins and not where it is renewed; why it was wanted is recorded', async () => {
    await stack.tenant('limited', randomUUID());
    const lena = await stack.somebody('limited', 'lena', ['owner']);
    const one = await new TestDevice(stack).admit(lena);
    const versions = `${stack.policy.address}/api/v1/policy/versions`;
    const headers = { authorization: `Bearer ${lena.key}`, 'content-type': 'application/json' };
    const post = (url: string, body: object) => fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    const rule = { type: 'rate_limit', id: 'once', scope: 'per_user', actions: ['device.shell'] };
    const document = { rules: [{ ...rule, requests_per_period: 1, period_seconds: 86_400 }] };
    const { digest } = (await (await post(versions, { document })).json()) as { digest: string };
    expect((await post(`${versions}/${digest}/activate`, { reason: 'test' })).status).toBe(200);
    const wanted = { ...shell(), reason: 'ticket 7 of ann@example.org' };
    const open = (body: object) => stack.call(pathOf(one, '/sessions'), { key: lena.key, body });
    const { status, body } = await open(wanted);
    expect(status).toBe(201);
    expect((await eventOf(`session:${body.sessionId}`)).data.reason).toMatch(/^ticket 7 of p_\S{22}@example.org$/);
    for (let i = 0; i < 2; i++) expect((await open({ ...wanted, sid: body.sessionId })).status).toBe(201);
    expect(await open(shell())).toMatchObject({ status: 403, body: { action: 'device.shell' } });
  });

  it('of ssh names what of it is allowed', async () => {
    const one = await admit();
    const { body } = await as('developer', pathOf(one, '/sessions'), {
      scope: { kind: 'ssh' },
      clientKey: clientKey(),
    });
    expect((await eventOf(`session:${body.sessionId}`)).data.actions).toContain('device.files.write');
    expect(
      (await as('viewer', pathOf(one, '/sessions'), { scope: { kind: 'ssh' }, clientKey: clientKey() })).status,
    ).toBe(403);
  });

  it('is known afterwards as the relays told it, to its own and to who may, and to nobody else', async () => {
    const one = await admit('told');
    const { sessionId } = (await as('developer', pathOf(one, '/sessions'), shell())).body;
    const common = { sessionId, deviceId: one.deviceId };
    const hash = 'a'.repeat(64);
    await relay.publish('acme', 'device.session.started', {
      ...common,
      grantId: randomUUID(),
      subject: { type: 'service', id: 'developer' },
      kind: 'shell',
      decisions: [],
      relayId: 'r1',
      source: '10.0.0.1',
    });
    await relay.publish('acme', 'recording.chunk_recorded', { ...common, index: 0, bytes: 9, sha256: hash });
    await relay.publish('acme', 'recording.chunk_recorded', { ...common, index: 0, bytes: 9, sha256: 'b'.repeat(64) });
    await relay.publish('acme', 'recording.truncated', { ...common, chunks: 1 });
    const made = Array.from({ length: 10 }, (_, i) => `made_up_${i}`);
    for (const code of ['not_granted', 'refused', 'not_granted', ...made])
      await relay.publish('acme', 'device.session.refused', { ...common, code });
    await relay.publish('acme', 'device.session.revoked', { ...common, decision: randomUUID(), cause: 'role' });
    await relay.publish('acme', 'device.session.ended', {
      ...common,
      reason: 'revoked',
      exit: { code: null, signal: 'HUP' },
      bytesIn: 1,
      bytesOut: 2,
      durationMs: 30,
    });
    const path = `${devices}/sessions/${sessionId}`;
    await waitFor(async () => (await as('admin', path)).body.endedAt, {
      timeoutMs: 30_000,
      message: 'the session has ended',
    });
    expect((await as('developer', path)).body).toMatchObject({
      ...{ deviceName: 'told', status: 'revoked', reason: 'revoked', exit: { code: null, signal: 'HUP' }, bytesOut: 2 },
      refused: ['not_granted', 'refused', ...made.slice(0, 6)],
      recording: { status: 'truncated', chunks: [{ index: 0, bytes: 9, sha256: hash }] },
    });
    expect((await as('viewer', path)).status).toBe(403);
    expect((await as('other', path)).status).toBe(404);
    const listed = async (who: string, query: string) => (await as(who, `${devices}/sessions?${query}`)).body.sessions;
    expect(await listed('admin', `device=${one.deviceId}`)).toMatchObject([
      { refused: ['not_granted', 'refused', ...made.slice(0, 6)] },
    ]);
    expect(await listed('viewer', `device=${one.deviceId}`)).toEqual([]);
    expect(await listed('developer', 'subject=service/developer&limit=1')).toHaveLength(1);
    expect((await as('developer', `${devices}/sessions?subject=service/owner`)).status).toBe(403);
  });
});

describe('devices in a list', () => {
  it('are found by name, host name and id, filtered, and told page by page beyond fifty', async () => {
    const admitted = await Promise.all(
      Array.from({ length: 55 }, (_, n) =>
        admit(`page-${String(n).padStart(2, '0')}`, { labels: { fleet: 'pages', odd: String(n % 2) } }),
      ),
    );
    const names: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body } = await as(
        'viewer',
        `${devices}?label=fleet=pages&limit=20${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      names.push(...body.devices.map(({ name }: { name: string }) => name));
      cursor = body.nextCursor;
    }
    expect(names).toEqual(admitted.map((_, n) => `page-${String(n).padStart(2, '0')}`));
    expect((await as('viewer', `${devices}?label=fleet=pages,odd=1&limit=200`)).body.devices).toHaveLength(27);
    expect((await as('viewer', `${devices}?search=PAGE-07`)).body.devices).toHaveLength(1);
    expect((await as('viewer', `${devices}/PAGE-54`)).body.id).toBe(admitted[54]?.deviceId);
    expect((await as('viewer', `${devices}?cursor=x`)).status).toBe(400);
    expect((await as('other', devices)).body).toEqual({ devices: [], nextCursor: null });
    expect((await as('other', pathOf(admitted[0] as TestDevice))).status).toBe(404);
  });

  it('are those one was given, for who may not read all of them', async () => {
    const one = await admit('shared-one');
    expect((await as('nobody', devices)).body.devices).toEqual([]);
    const share = await fetch(`${stack.policy.address}/api/v1/policy/shares`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keyOf('owner')}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        subject: { type: 'service', id: 'nobody' },
        role: 'viewer',
        resource: { type: 'device', id: one.deviceId },
      }),
    });
    expect(share.status).toBe(201);
    const mine = async () => (await as('nobody', `${devices}?search=shared`)).body.devices;
    await waitFor(async () => (await mine()).length > 0, { message: 'the share counts' });
    expect((await mine()).map(({ id }: { id: string }) => id)).toEqual([one.deviceId]);
    expect((await as('nobody', pathOf(one, '/sessions'), shell())).status).toBe(403);
  });

  it('answer with the ids when several hosts are called so', async () => {
    const [one, two] = [
      await admit('same-host', { name: 'first-name' }),
      await admit('same-host', { name: 'second-name' }),
    ];
    const { status, body } = await as('viewer', `${devices}/same-host`);
    expect([status, body.code, body.ids.sort()]).toEqual([409, 'name_ambiguous', [one.deviceId, two.deviceId].sort()]);
  });

  it('tell who is there: a later tunnel replaces an earlier one, whose late end says nothing', async () => {
    const one = await admit();
    const [first, second] = [randomUUID(), randomUUID()];
    const opened = (tunnelId: string) =>
      relay.publish('acme', 'tunnel.opened', {
        deviceId: one.deviceId,
        tunnelId,
        relayId: 'r1',
        relayAddress: 'r1:1',
        carrier: 'quic',
      });
    const closed = (tunnelId: string, reason: string) =>
      relay.publish('acme', 'tunnel.closed', { deviceId: one.deviceId, tunnelId, reason });
    const status = async () => (await as('viewer', pathOf(one))).body.status;
    await opened(first);
    await waitFor(async () => (await status()) === 'online', { message: 'it is online' });
    await opened(second);
    await closed(first, 'replaced');
    const marker = await admit();
    await relay.publish('acme', 'tunnel.opened', {
      deviceId: marker.deviceId,
      tunnelId: randomUUID(),
      relayId: 'r1',
      relayAddress: 'r1:1',
      carrier: 'tls',
    });
    await waitFor(async () => (await as('viewer', pathOf(marker))).body.status === 'online', {
      timeoutMs: 30_000,
      message: 'what came before is known',
    });
    expect(await status()).toBe('online');
    await closed(second, 'lost');
    await waitFor(async () => (await status()) === 'offline', { message: 'it is offline' });
    const { history } = (await as('viewer', pathOf(one, '/history'))).body;
    expect(history.map((each: { status: string; reason: string }) => [each.status, each.reason])).toEqual([
      ['offline', 'lost'],
      ['online', null],
    ]);
    expect((await as('viewer', pathOf(one))).body.lastSeenAt).not.toBeNull();
  });
});

describe('a device is changed', () => {
  it('by who manages it, one decision before anything, and by nobody else', async () => {
    const one = await admit();
    const attempts = (who: string) => [
      as(who, pathOf(one), { name: 'mine' }, 'PATCH'),
      as(who, pathOf(one, '/labels'), { labels: { a: '1' } }, 'PUT'),
      as(who, `${devices}/bulk`, { selector: { ids: [one.deviceId] }, change: { remove: true } }),
      as(who, pathOf(one), undefined, 'DELETE'),
    ];
    for (const who of ['viewer', 'developer', 'nobody'])
      expect((await Promise.all(attempts(who))).map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    const own = { key: one.apiKey, method: 'PATCH', body: { owner: `user:${member}` } };
    expect((await stack.call(pathOf(one), own)).status).toBe(403);
    const changed = await as('admin', pathOf(one), { name: 'renamed-1', settings: { record: true } }, 'PATCH');
    expect(changed.body).toMatchObject({ name: 'renamed-1', settings: { record: true, approveOnDevice: false } });
    const taken = await admit();
    expect((await as('admin', pathOf(taken), { name: 'RENAMED-1' }, 'PATCH')).body.code).toBe('name_taken');
    const { body } = await as('developer', pathOf(one, '/sessions'), shell());
    expect(JSON.parse(Buffer.from(body.grant.split('.')[1], 'base64url').toString()).record).toBe(true);
  });

  it('is given to members and to its own tenant alone', async () => {
    const one = await admit();
    const give = (owner: string) => as('admin', pathOf(one), { owner }, 'PATCH');
    stack.people.set('stranger@example.org', randomUUID());
    for (const owner of [
      'org:other',
      'user:stranger@example.org',
      'user:nobody@example.org',
      `user:${randomUUID()}`,
      'everybody',
    ])
      expect([owner, (await give(owner)).status]).toEqual([owner, 400]);
    expect((await give(`user:${member}`)).body.owner).toEqual({ type: 'user', id: member });
    expect((await give('org:acme')).body.owner).toEqual({ type: 'org', id: 'acme' });
  });

  it('with many others, all or none, and a dry run changes nothing', async () => {
    const [one, two] = [
      await admit(undefined, { labels: { batch: 'x' } }),
      await admit(undefined, { labels: { batch: 'x' } }),
    ];
    const selector = { labels: { batch: 'x' } };
    const change = { labels: { set: { site: 'berlin' }, remove: ['batch'] } };
    expect((await as('admin', `${devices}/bulk`, { selector, change, dryRun: true })).body.devices).toHaveLength(2);
    expect((await as('admin', pathOf(one))).body.labels).toEqual({ batch: 'x' });
    expect((await as('admin', `${devices}/bulk`, { selector, change })).status).toBe(200);
    for (const each of [one, two]) expect((await as('admin', pathOf(each))).body.labels).toEqual({ site: 'berlin' });
    const grouped = await as('admin', `${devices}/bulk`, {
      selector: { ids: [one.deviceId] },
      change: { groups: { add: ['racks'], remove: [] } },
    });
    expect(grouped.status).toBe(200);
    expect((await as('admin', `${devices}?group=racks`)).body.devices).toHaveLength(1);
    const bad = [
      { selector: {}, change },
      { selector, change: {} },
      { selector, change: { ...change, remove: true } },
    ];
    for (const body of bad) expect((await as('admin', `${devices}/bulk`, body)).status).toBe(400);
  });

  it('and policy goes by it: owner, labels, groups, and nothing after its removal', async () => {
    const one = await admit('facts', { labels: { env: 'dev' } });
    const described = async () => {
      const { rows } = await stack.superuser.query(
        `select envelope::jsonb->'data' as data, type from policy.events where type like 'entity.%' and envelope like $1 order by revision desc limit 1`,
        [`%${one.deviceId}%`],
      );
      return rows[0];
    };
    const shows = (type: string, data: object) =>
      waitFor(
        async () => {
          try {
            expect(await described()).toMatchObject({ type, data });
            return true;
          } catch {
            return false;
          }
        },
        { timeoutMs: 30_000, message: `policy knows ${JSON.stringify(data)}` },
      );
    await shows('entity.described', {
      owner: { type: 'org', id: 'acme' },
      labels: { env: 'dev' },
      properties: { name: 'facts' },
    });
    await as('admin', `${devices}/bulk`, { selector: { ids: [one.deviceId] }, change: { groups: { add: ['lab'] } } });
    await shows('entity.described', { parents: [{ type: 'device-group', id: 'lab' }], labels: { env: 'dev' } });
    const direct = await fetch(`${stack.policy.address}/api/v1/policy/entities`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${keyOf('owner')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ entity: `device/${one.deviceId}`, labels: { env: 'prod' } }),
    });
    expect(direct.status).toBe(403);
    await as('admin', pathOf(one), undefined, 'DELETE');
    await shows('entity.forgotten', { entity: { type: 'device', id: one.deviceId } });
  });

  it('and is usable as soon as its approval is answered, by who holds it through its group or owner', async () => {
    const one = await new TestDevice(stack).ask('acme');
    const { body } = await approve(stack, somebody.owner as Somebody, one.requestId);
    expect(body.policyPosition).toMatch(/^\d+\.\d+$/);
  });
});

describe('a device itself', () => {
  it('tells how it is, and is told relays, keys and settings; nobody else may for it', async () => {
    const one = await admit();
    const system = { hostname: 'edge', cores: 4, addresses: ['10.0.0.5'], future: 'ignored' };
    const beat = (key: string) => stack.call(`${devices}/self/heartbeat`, { key, body: { system } });
    expect((await beat(one.apiKey)).body).toMatchObject({
      deviceId: one.deviceId,
      rotationDue: false,
      relays: ['relay.test:8444'],
      settings: { record: false },
    });
    expect((await beat(keyOf('owner'))).body.code).toBe('not_a_device');
    expect((await as('viewer', pathOf(one))).body).toMatchObject({
      system: { hostname: 'edge', cores: 4 },
      lastSeenAt: expect.any(String),
    });
  });

  it('rotates its keys with the old one: the new one proves from then on, the old one nothing', async () => {
    const [one, two] = [await admit(), await admit()];
    const next = new TestDevice(stack);
    const rotate = (signer: TestDevice, keys = next.keys, key = one.apiKey) => {
      const said = { keys, signedAt: new Date().toISOString() };
      return stack.call(`${devices}/self/keys`, { key, body: { ...said, signature: signer.sign('keys', said) } });
    };
    expect((await rotate(next)).body.code).toBe('proof_invalid');
    expect((await rotate(one, next.keys, two.apiKey)).body.code).toBe('proof_invalid');
    expect((await rotate(one, two.keys)).body.code).toBe('conflict');
    expect((await rotate(one)).status).toBe(204);
    expect((await rotate(one)).body.code).toBe('already_rotated');
    expect((await as('developer', pathOf(one, '/sessions'), shell())).body.device.sessionKey).toBe(next.keys.session);
    expect((await one.state()).body.code).toBe('proof_invalid');
    expect((await next.state({}, { requestId: one.requestId })).status).toBe(200);
  });

  it('may nothing that nobody granted it', async () => {
    const [one, two] = [await admit(), await admit()];
    for (const path of [pathOf(two), pathOf(one), `${devices}/registrations`])
      expect((await stack.call(path, { key: one.apiKey })).status).toBe(403);
    expect((await stack.call(pathOf(two, '/sessions'), { key: one.apiKey, body: shell() })).status).toBe(403);
    expect((await stack.call(devices, { key: one.apiKey })).body.devices).toEqual([]);
  });
});

describe('when an owner goes', () => {
  it('devices of a closed tenant go, and what an erased person owned is the organization’s', async () => {
    const one = await admit();
    await as('admin', pathOf(one), { owner: `user:${member}` }, 'PATCH');
    const nc = stack.nc;
    const held = await call(nc, personalData('registry'), { userId: member, tenantIds: ['acme'] }, 5_000);
    expect(held.items).toMatchObject([{ kind: 'device', record: { deviceId: one.deviceId } }]);
    await stack.identity.publish('acme', 'user.erased', { userId: member });
    const ownerNow = async () => (await as('admin', pathOf(one))).body.owner?.type;
    await waitFor(async () => (await ownerNow()) === 'org', { message: 'it is the organization’s' });

    const theirs = await new TestDevice(stack).admit(somebody.other as Somebody);
    await stack.identity.publish('other', 'tenant.closed', {});
    const removed = async () => (await eventOf(`device:${theirs.deviceId}`)).type === 'device.removed';
    await waitFor(removed, { message: 'it is removed' });
    expect((await eventOf(`device:${theirs.deviceId}`)).data.reason).toBe('tenant_closed');
  });
});

describe('the second wall', () => {
  it('shows a request of one tenant no row of another, whatever it asks', async () => {
    const one = await admit();
    await as('developer', pathOf(one, '/sessions'), shell());
    const { rows } = await stack.superuser.query(
      `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
       where n.nspname = 'registry' and c.relkind = 'r' and a.attname = 'tenant_id'
         and has_table_privilege('gatehouse_registry', c.oid, 'select') order by 1`,
    );
    const tables = rows.map(({ relname }) => relname);
    expect(tables).toEqual(expect.arrayContaining(['devices', 'sessions', 'known_devices', 'device_reports']));
    const client = await stack.service.platform.database.request.connect();
    try {
      await client.query('begin');
      await client.query(`select set_config('gatehouse.tenant', 'other', true)`);
      for (const table of tables) {
        const seen = await client.query(`select from ${table} where tenant_id = 'acme'`);
        expect([table, seen.rows.length]).toEqual([table, 0]);
      }
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});

describe('read models', () => {
  it('rebuilt from the log are what they were, row for row', async () => {
    await stack.tenant('main', randomUUID());
    const { key } = await stack.somebody('main', 'operator', ['owner']);
    const base = '/api/v1/registry/projections';
    for (const name of ['devices', 'sessions', 'known_devices']) {
      const rowsOf = async () => (await stack.superuser.query(`select * from registry.${name} order by 1, 2`)).rows;
      const before = await rowsOf();
      expect((await stack.call(`${base}/${name}/rebuild`, { key, method: 'POST' })).status).toBe(202);
      const isDone = async () => {
        const { rows } = await stack.superuser.query(
          'select rebuild_requested, rebuild from registry.projection_positions where name = $1',
          [name],
        );
        return rows[0]?.rebuild_requested === false && rows[0].rebuild !== null && rows[0].rebuild;
      };
      const done = await waitFor(isDone, { message: `the rebuild of ${name}` });
      expect([name, done.differences]).toEqual([name, 0]);
      expect(await rowsOf()).toEqual(before);
    }
  });
});

describe('without policy', () => {
  it('nothing is granted, approved or changed', async () => {
    const [one, waiting] = [await admit(), await new TestDevice(stack).ask('acme')];
    await stack.policy.stop();
    const statuses = await Promise.all([
      as('owner', pathOf(one, '/sessions'), shell()),
      as('owner', pathOf(one), undefined, 'DELETE'),
      as('owner', devices),
      approve(stack, somebody.owner as Somebody, waiting.requestId),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    expect((await eventOf(`device:${one.deviceId}`)).type).toBe('device.key.issued');
    expect((await waiting.state()).body.state).toBe('pending');
  });
});
