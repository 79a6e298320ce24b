import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectBus, eventStream } from '@gatehouse/bus';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { api, works } from './api.fixture.js';
import { type FirstOwner, type Replica, type StackWithServer, startStackWithServer } from './stack.fixture.js';

let stack: StackWithServer;
let replica: Replica;
let owner: FirstOwner;
const email = 'canary-Zq7fXw@localhost';
const name = 'Canary Vk3mTr';
/** Everything that must stand nowhere, by what it is. */
const secrets = new Map<string, string>();

beforeAll(async () => {
  stack = await startStackWithServer();
  owner = await stack.bootstrap('main', ['--email', email, '--name', name]);
  secrets.set('e-mail', email).set('name of a person', name);
  secrets.set('operator key', owner.operatorKey).set('set-up token', owner.setupToken);
  replica = await stack.serveApart();
  const key = owner.operatorKey;
  await works(replica, key);
  await useEveryRoute(key);
  await published();
});

afterAll(() => stack?.stop());

/** Right and wrong calls: what fails is logged more than what succeeds. */
async function useEveryRoute(key: string): Promise<void> {
  const first = await api(replica, 'POST /setup', { body: { token: owner.setupToken } });
  secrets.set('first key', first.body.key);
  await api(replica, 'POST /setup', { body: { token: owner.setupToken } });
  await api(replica, `POST /setup?token=${owner.setupToken}`, { body: { token: 1 } });
  const headers = { 'idempotency-key': 'made-only-once' };
  const made = await api(replica, 'POST /keys', { key, body: { name: 'ci' }, headers });
  secrets.set('service key', made.body.key);
  await works(replica, made.body.key);
  await api(replica, 'POST /keys', { key, body: { name: 'ci' }, headers });
  await api(replica, 'POST /keys', { key, body: { name: 'ci' } });
  await api(replica, 'POST /keys', { key, body: { name: made.body.key } });
  await api(replica, `POST /keys/${made.body.keyId}/disable`, { key, body: { reason: 'rotated' } });
  await waitFor(async () => (await api(replica, 'GET /me', { key: made.body.key })).status === 401);
  await api(replica, `GET /keys?cursor=${made.body.key}`, { key });
  await api(replica, `GET /keys/${made.body.key}`, { key });
  await fetch(`${replica.address}/${made.body.key}`);
}

/** Waits until the log is on the bus. */
async function published(): Promise<void> {
  const [row] = await stack.superuser<{ n: string }>('select count(*) as n from identity.events');
  await waitFor(async () => (await messages()).join('\n').split('\n').length >= Number(row?.n));
}

async function messages(): Promise<readonly string[]> {
  const nc = await connectBus({ servers: stack.nats.url, user: 'setup' });
  try {
    const manager = await jetstreamManager(nc);
    const { state } = await manager.streams.info(eventStream.name);
    const texts: string[] = [];
    for (let seq = state.first_seq; seq > 0 && seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(eventStream.name, { seq });
      if (message) texts.push(message.string());
    }
    return texts;
  } finally {
    await nc.close();
  }
}

/** A text as it is, as PostgreSQL prints bytes, and as base64 prints it at each of three offsets. */
function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const shifted = [0, 1, 2].map((skip) => bytes.subarray(skip).toString('base64').slice(0, -4));
  return [secret, bytes.toString('hex'), ...shifted];
}

const found = (where: string): readonly string[] =>
  [...secrets].filter(([, secret]) => spellings(secret).some((text) => where.includes(text))).map(([what]) => what);

/** Every file below a folder, read whole. */
const filesBelow = (folder: string): readonly Buffer[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));

describe('a secret or a personal datum', () => {
  it('is collected here from every place that makes one', () => {
    expect([...secrets.keys()]).toEqual([
      'e-mail',
      'name of a person',
      'operator key',
      'set-up token',
      'first key',
      'service key',
    ]);
    for (const secret of secrets.values()) expect(secret.length).toBeGreaterThan(10);
    expect(found(Buffer.from(`x${owner.operatorKey}`).toString('base64'))).toEqual(['operator key']);
  });

  it('is in no column of any table, seen by a superuser', async () => {
    const tables = await stack.superuser<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    expect(tables.length).toBeGreaterThan(8);
    for (const { name: table } of tables) {
      const rows = await stack.superuser<{ text: string }>(`select t::text as text from ${table} t`);
      expect({ table, found: found(rows.map(({ text }) => text).join('\n')) }).toEqual({ table, found: [] });
    }
  });

  it('is in no message on the bus', async () => {
    const texts = await messages();
    expect(texts.join('\n')).toContain('user.registered');
    expect(found(texts.join('\n'))).toEqual([]);
  });

  it('is in no line of any log, the database server’s included', () => {
    expect(replica.log()).toContain('/api/v1/identity/keys');
    expect(found(replica.log())).toEqual([]);
    expect(found(readFileSync(stack.postgres.logFile, 'utf8'))).toEqual([]);
    expect(found(readFileSync(stack.nats.logFile, 'utf8'))).toEqual([]);
  });

  it('is in no file of PostgreSQL or NATS, the write-ahead log included', async () => {
    await stack.superuser('checkpoint');
    for (const folder of [stack.postgres.dataDir, stack.nats.storeDir])
      for (const file of filesBelow(folder)) expect(found(file.toString('latin1'))).toEqual([]);
  });
});
