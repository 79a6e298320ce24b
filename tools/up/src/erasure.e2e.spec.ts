import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectBus } from '@gatehouse/bus';
import { type TempDir, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { strFromU8, unzipSync } from 'fflate';
import { Agent, request } from 'undici';
import { needlesOf, scanBytes, scanDatabase, scanFolder, scanStreams } from './canary-scan.fixture.js';
import { dataFolder } from './data-folder.js';
import { serviceEnvironment } from './environment.js';
import { serviceTable } from './service-table.js';
import { startWholeStack, type WholeStack } from './whole-stack.fixture.js';

const repository = join(import.meta.dirname, '../../..');
/** Every canary but addresses of machines begins with this, so that one word is looked for in all its forms. */
const core = 'canaryq7x';
const email = `${core}mail@erase-me.example`;
const names = [`${core}name Person`, `${core}renamed Person`];
const agents = [`${core}agent/1.0`, `${core}failing/1.0`];
const ips = ['203.0.113.177', '198.51.100.177', '203.0.113.178'];
const password = `${core}-a-password-of-some-length`;
const needles = needlesOf([core, ...ips]);

let stack: WholeStack;
let folder: TempDir;
let nc: NatsConnection;
let agent: Agent;
let person: { id: string; home: string; token: string };

interface Body {
  readonly access_token: string;
  readonly tenant: string;
  readonly id: string;
  readonly key: string;
  readonly exportId: string;
  readonly erasureId: string;
  readonly status: string;
  readonly traceId: string;
  readonly entries: readonly { index: number; type: string }[];
  readonly certificate: { tombstone: { index?: number }; entry: { index?: number } };
}

interface From {
  readonly token?: string;
  readonly ip?: string;
  readonly userAgent?: string;
  readonly body?: unknown;
}

/** Of the person, unless the token is the operator's. */
async function send(what: string, { token, ip, userAgent, body }: From = {}) {
  const isPerson = token !== stack.operatorKey;
  const [method = 'GET', path = ''] = what.split(' ');
  const answer = await request(`${stack.url}/api/v1${path}`, {
    dispatcher: agent,
    method: method as 'GET',
    headers: {
      'x-forwarded-for': ip ?? (isPerson ? ips[0] : '127.0.0.1'),
      'user-agent': userAgent ?? (isPerson ? agents[0] : 'operator'),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  const isJson = /json/.test(String(answer.headers['content-type']));
  return { status: answer.statusCode, bytes, body: (isJson ? JSON.parse(bytes.toString('utf8')) : {}) as Body };
}

/** The newest letter to the person that holds such a token. */
const tokenInMail = (prefix: string): Promise<string> =>
  waitFor(
    () => {
      const mail = dataFolder(stack.data).mail;
      const texts = readdirSync(mail)
        .sort()
        .map((name) => readFileSync(join(mail, name), 'utf8'));
      const tokens = texts
        .filter((text) => text.startsWith(`To: ${email}`))
        .map((text) => new RegExp(`${prefix}[A-Za-z0-9_-]{43}`).exec(text)?.[0]);
      return tokens.filter((token) => token !== undefined).at(-1);
    },
    { message: `a letter with ${prefix}` },
  );

const ended = (path: string, token: string) =>
  waitFor(
    async () => {
      const answer = await send(`GET ${path}`, { token });
      return ['ready', 'done', 'failed', 'refused'].includes(answer.body.status) && answer;
    },
    { timeoutMs: 60_000, message: `${path} to end` },
  );

/** Everything that a person leaves behind in a day. */
async function live(): Promise<void> {
  const { operatorKey } = stack;
  const invited = await send('POST /identity/invitations', {
    token: operatorKey,
    ip: '127.0.0.1',
    body: { email, role: 'viewer' },
  });
  expect(invited.status).toBe(201);
  expect((await send('POST /auth/register', { body: { email, password, name: names[0] } })).status).toBe(201);
  const verified = await send('POST /auth/verify-email', { body: { token: await tokenInMail('gln_'), password } });
  expect(verified.status).toBe(200);
  const login = () => send('POST /auth/login', { body: { email, password } });
  const token = (await login()).body.access_token;
  person = { id: verified.body.id, home: `p-${verified.body.id}`, token };
  await waitFor(async () => (await send('GET /auth/me', { token })).status === 200, { message: 'the token to work' });
  expect((await send('PATCH /auth/me', { token, body: { name: names[1] } })).status).toBe(200);
  for (const guess of ['wrong password one', `${core}-wrong-password`])
    await send('POST /auth/login', { ip: ips[1] ?? '', userAgent: agents[1] ?? '', body: { email, password: guess } });
  await send('POST /auth/password/forgot', { body: { email } });
  await tokenInMail('gln_');
  const accepted = await send('POST /identity/invitations/accept', {
    token,
    body: { token: await tokenInMail('giv_') },
  });
  expect(accepted.status).toBe(200);
  const made = await send('POST /identity/keys', { token, body: { name: 'laptop', family: 'mau' } });
  expect(made.status).toBe(201);
  const withKey = () => send('GET /identity/me', { token: made.body.key, ip: ips[2] ?? '' });
  await waitFor(async () => (await withKey()).status === 200, { message: 'the key to work' });
  // Refused somewhere: alerts and reports hear of it.
  await send('GET /audit/entries', { token: `${made.body.key.slice(0, -4)}AAAA`, ip: ips[2] ?? '' });
}

beforeAll(async () => {
  folder = tempDir('erasure');
  stack = await startWholeStack('erasure', { TRUSTED_PROXIES: '127.0.0.1', LOG_LEVEL: 'debug' });
  agent = new Agent({ connect: { ca: readFileSync(join(stack.data, 'tls/ca.pem'), 'utf8'), servername: 'localhost' } });
  const seedFile = dataFolder(stack.data).natsSeed('setup');
  nc = await connectBus({ servers: `nats://127.0.0.1:${stack.portBase + 21}`, user: 'setup', seedFile });
  await live();
});

afterAll(async () => {
  await nc?.close();
  await agent?.close();
  await stack?.stop();
  folder?.remove();
});

const gatehouse = (args: readonly string[]) =>
  promisify(execFile)(process.execPath, [join(repository, 'apps/cli/bin/gatehouse.mjs'), ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: folder.path,
      GATEHOUSE_URL: stack.url,
      GATEHOUSE_CA: join(stack.data, 'tls/ca.pem'),
      GATEHOUSE_API_KEY: stack.operatorKey,
    },
  });

describe('a person of the whole product', () => {
  const proof = () => join(folder.path, 'proof.json');
  let erasureId: string;

  it('takes everything along before', async () => {
    const { body } = await send('POST /identity/privacy/exports', { token: person.token, body: {} });
    const path = `/identity/privacy/exports/${body.exportId}`;
    expect((await ended(path, person.token)).body.status).toBe('ready');
    const { bytes } = await send(`GET ${path}/archive`, { token: person.token });
    const files = Object.entries(unzipSync(bytes)).map(([name, content]) => [name, strFromU8(content)] as const);
    const whole = files.map(([, text]) => text).join('\n');
    for (const canary of [email, ...names, agents[0], ips[0]]) expect(whole).toContain(canary);
    expect(whole).not.toContain(password);
    const records = Object.fromEntries(files.map(([name, text]) => [name, text.split('\n').length - 1]));
    for (const name of ['identity_events', 'memberships', 'invitations', 'keys', 'sessions', 'policy', 'audit'])
      expect([name, records[`${name}.jsonl`]]).toEqual([name, expect.any(Number)]);
    for (const name of ['memberships', 'invitations', 'keys', 'sessions', 'policy', 'audit'])
      expect([name, records[`${name}.jsonl`] ?? 0]).not.toEqual([name, 0]);
  });

  it('is exported from the command line by an administrator, who may also say how long data is kept', async () => {
    const zip = join(folder.path, 'person.zip');
    const { stderr } = await gatehouse(['privacy', 'export', '--user', person.id, '--out', zip]);
    expect(stderr).toContain('records');
    expect(strFromU8(unzipSync(readFileSync(zip))['profile.jsonl'] ?? new Uint8Array())).toContain(email);
    expect(statSync(zip).mode & 0o777).toBe(0o600);
    const { stdout } = await gatehouse(['privacy', 'retention', '--kind', 'exports', '--days', '14', '--json']);
    expect(JSON.parse(stdout)).toContainEqual({ kind: 'exports', days: 14, defaultDays: 30, revision: 1 });
  });

  it('is erased, and answers with a certificate that the ledger holds', async () => {
    const { body: listed } = await send('GET /audit/entries?type=invitation.created', { token: stack.operatorKey });
    const index = listed.entries[0]?.index ?? -1;
    await waitFor(
      () =>
        gatehouse(['audit', 'proof', String(index), '--out', proof()]).then(
          () => true,
          () => false,
        ),
      { message: 'the proof' },
    );
    const body = { userId: person.id, confirm: email };
    const asked = await send('POST /identity/privacy/erasures', { token: stack.operatorKey, body });
    expect(asked.status).toBe(202);
    erasureId = asked.body.erasureId;
    expect((await ended(`/identity/privacy/erasures/${erasureId}`, stack.operatorKey)).body.status).toBe('done');
    const certificate = await waitFor(
      async () => {
        const { body: now } = await send(`GET /identity/privacy/erasures/${erasureId}`, { token: stack.operatorKey });
        return (
          now.certificate.entry.index !== undefined && now.certificate.tombstone.index !== undefined && now.certificate
        );
      },
      { message: 'the ledger to hold it' },
    );
    expect(scanBytes(needles, 'certificate', Buffer.from(JSON.stringify(certificate)))).toEqual([]);
    expect(
      (
        await send('POST /auth/login', {
          ip: '127.0.0.1',
          userAgent: 'x',
          body: { email: 'other@example.org', password },
        })
      ).status,
    ).toBe(401);
  });

  it('is in no table afterwards', async () => {
    const { tables, rows, findings } = await scanDatabase(needles, stack.database);
    expect(tables).toBeGreaterThan(30);
    expect(rows).toBeGreaterThan(200);
    expect(findings).toEqual([]);
  });

  it('is in no message of any stream', async () => {
    const { messages, findings } = await scanStreams(needles, nc);
    expect(messages).toBeGreaterThan(20);
    expect(findings).toEqual([]);
  });

  it('is in no file: data, write-ahead log, streams, letters, logs, and a backup made now', async () => {
    await stack.database.query('checkpoint');
    await stack.database.query('select pg_switch_wal()');
    const backup = join(folder.path, 'backup');
    mkdirSync(backup);
    cpSync(stack.data, backup, { recursive: true, filter: (path) => !/\.(pid|s\.PGSQL)/.test(path) });
    const { files, findings } = scanFolder(needles, backup);
    expect(files).toBeGreaterThan(500);
    expect(findings).toEqual([]);
  });

  it('leaves a ledger that is whole, and proofs that still verify without it', async () => {
    const { stdout } = await gatehouse(['audit', 'verify', proof()]);
    expect(stdout).toMatch(/verified|valid|proves|proved/i);
    const row = serviceTable.find(({ name }) => name === 'audit');
    if (!row) throw new Error('there is no audit');
    const ports = {
      host: 'localhost',
      port: 0,
      relayPort: stack.portBase + 38,
      portBase: stack.portBase,
      postgresPort: stack.portBase + 20,
      natsPort: stack.portBase + 21,
    };
    const env = { PATH: process.env.PATH, ...serviceEnvironment(row, dataFolder(stack.data), ports) };
    const fsck = await promisify(execFile)(process.execPath, [row.program, 'fsck', '--json'], { cwd: repository, env });
    expect(JSON.parse(fsck.stdout)).toMatchObject({ ok: true, problemCount: 0 });
  });

  it('is not there for whoever builds the read models anew', async () => {
    const { body } = await send('GET /identity/projections', {
      token: stack.operatorKey,
      ip: '127.0.0.1',
      userAgent: 'x',
    });
    const { projections } = body as unknown as { projections: readonly { name: string }[] };
    for (const { name } of projections)
      await send(`POST /identity/projections/${name}/rebuild`, {
        token: stack.operatorKey,
        ip: '127.0.0.1',
        userAgent: 'x',
      });
    await waitFor(
      async () => {
        const { rows } = await stack.database.query(
          'select 1 from identity.projection_positions where rebuild_requested',
        );
        return rows.length === 0;
      },
      { timeoutMs: 30_000, message: 'the rebuilds' },
    );
    const { rows: people } = await stack.database.query(
      'select status, email_index, email, name from identity.people where user_id = $1',
      [person.id],
    );
    expect(people).toEqual([{ status: 'erased', email_index: null, email: null, name: null }]);
    expect((await scanDatabase(needles, stack.database)).findings).toEqual([]);
  });
});

describe('the search itself', () => {
  const forms: readonly [string, string | Buffer][] = [
    ['plain', `xx ${email} xx`],
    ['upper case', email.toUpperCase()],
    ['utf-16', Buffer.from(email, 'utf16le')],
    ['utf-16 in network order', Buffer.from(email, 'utf16le').swap16()],
    ['hex', Buffer.from(`a ${email}`).toString('hex')],
    ['base64', Buffer.from(email).toString('base64')],
    ['base64, one byte on', Buffer.from(`a${email}`).toString('base64')],
    ['base64, two bytes on', Buffer.from(`ab${email}`).toString('base64url')],
    ['percent', [...Buffer.from(core)].map((n) => `%${n.toString(16)}`).join('')],
    ['an address of a machine', `"ip":"${ips[1]}"`],
  ];

  it.each(forms)('finds what is written as %s', (_form, text) =>
    expect(scanBytes(needles, 'here', Buffer.from(text)).length).toBeGreaterThan(0),
  );

  it('finds a canary that was put into a file, a row and a stream', async () => {
    writeFileSync(join(folder.path, 'planted.txt'), email);
    expect(scanFolder(needles, folder.path).findings.map(({ where }) => where)).toContain(
      join(folder.path, 'planted.txt'),
    );
    await stack.database.query(`create table public.planted as select decode($1, 'hex') as bytes`, [
      Buffer.from(email).toString('hex'),
    ]);
    const tables = (await scanDatabase(needles, stack.database)).findings.map(({ where }) => where);
    expect(tables).toContain('table public.planted');
    await jetstream(nc).publish('ev.identity.main.planted.1', Buffer.from(email).toString('base64'));
    expect((await scanStreams(needles, nc)).findings.length).toBeGreaterThan(0);
    await stack.database.query('checkpoint');
    const { findings } = scanFolder(needles, join(stack.data, 'postgres/data/pg_wal'));
    expect(findings.some(({ where }) => where.includes('pg_wal'))).toBe(true);
  });
});
