import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectBus } from '@gatehouse/bus';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';
import { needlesOf, scanBytes, scanDatabase, scanFolder, scanStreams } from './canary-scan.fixture.js';
import { dataFolder } from './data-folder.js';
import { natsPortOffset, serviceTable } from './service-table.js';
import { startWholeStack, type WholeStack } from './whole-stack.fixture.js';

/** Part of every value that is written as a secret here, and of the names of its members. */
const core = 'canaryv8z';
const needles = needlesOf([core]);
const repeats = 20;

let stack: WholeStack;
let nc: NatsConnection;
let collector: Server;
const traces: Buffer[] = [];
let viewerKey: string;

interface Sent {
  readonly key?: string;
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Through TLS and the gateway, as a client would. */
async function send(path: string, { key = stack.operatorKey, method, body, headers }: Sent = {}) {
  const answer = await stack.call(path, {
    method: (method ?? (body === undefined ? 'GET' : 'POST')) as 'GET',
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const parsed = /json/.test(String(answer.headers['content-type'])) && answer.text ? JSON.parse(answer.text) : {};
  return { ...answer, body: parsed };
}

const own = (path: string) => `/api/v1/vault/secrets/${path}`;

beforeAll(async () => {
  collector = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => traces.push(chunk)).on('end', () => response.end('{}'));
  }).listen(0, '127.0.0.1');
  await waitFor(() => collector.listening);
  const { port } = collector.address() as AddressInfo;
  stack = await startWholeStack('vault-secrecy', {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    LOG_LEVEL: 'debug',
  });
  nc = await connectBus({
    servers: `nats://127.0.0.1:${stack.portBase + natsPortOffset}`,
    user: 'setup',
    seedFile: dataFolder(stack.data).natsSeed('setup'),
  });
  const made = await send('/api/v1/identity/keys', {
    body: { name: 'viewer', roles: ['viewer'] },
  });
  expect([made.status, made.body.code]).toEqual([201, undefined]);
  viewerKey = made.body.key;
  await waitFor(async () => (await send('/api/v1/vault/whoami', { key: viewerKey })).status === 200, {
    message: 'the vault knows the viewer',
  });
});

afterAll(async () => {
  await nc?.close();
  await stack?.stop();
  collector?.close();
});

describe('a value that is a secret', () => {
  it('is written, read, refused, malformed, found, wrapped and deleted in every way there is', async () => {
    for (let n = 0; n < repeats; n++) {
      const value = `${core}-value-${n}-with-some-length`;
      expect((await send(own(`production/OWN_${n}`), { method: 'PUT', body: { value } })).status).toBeLessThan(300);
      expect((await send(own(`production/OWN_${n}`))).text).toContain(value);
      expect((await send(own(`production/OWN_${n}`), { key: viewerKey })).status).toBe(403);
      const many = [0, 1, 2].map((i) => ({ path: `production/MANY_${n}_${i}`, value }));
      expect((await send('/api/v1/vault/write', { body: { secrets: many } })).text).not.toContain(core);
      const asked = many.map(({ path }) => ({ path }));
      expect((await send('/api/v1/vault/read', { body: { secrets: asked } })).text.split(value)).toHaveLength(7);
      expect((await send('/api/v1/vault/read', { key: viewerKey, body: { secrets: asked } })).text).not.toContain(core);
      const data = { [`${core}_member`]: value, nested: { deep: [value] } };
      expect((await send(`/v1/secret/data/production/kv-${n}`, { body: { data } })).status).toBe(200);
      expect((await send(`/v1/secret/data/production/kv-${n}`)).text).toContain(value);
    }
    const refused = [
      await send(own('production/OWN_0'), { method: 'PUT', body: { value: [`${core}-in-a-list`] } }),
      await send(own('production/OWN_0'), { method: 'PUT', body: { vlaue: `${core}-misspelt` } }),
      await send(own('production/OWN_0'), { method: 'PUT', body: `{"value": "${core}-cut off` }),
      await send(own('production/OWN_0'), { method: 'PUT', body: { value: `${core}-cas`, cas: 99 } }),
      await send(own('production/OWN_0'), { key: viewerKey, method: 'PUT', body: { value: `${core}-denied` } }),
      await send(own('production/BIG'), { method: 'PUT', body: { value: core.repeat(200_000) } }),
      await send('/api/v1/vault/write', { body: { secrets: [{ path: `${core}/x`, vlaue: `${core}-misspelt` }] } }),
      await send('/api/v1/vault/write', {
        body: { secrets: [1, 2].map(() => ({ path: 'x', value: `${core}-twice` })) },
      }),
      await send('/v1/secret/data/production/kv-0', { body: { data: `${core}-no-object` } }),
      await send('/v1/secret/data/production/kv-0', { body: { options: { cas: 99 }, data: { a: `${core}-cas` } } }),
      await send('/v1/secret/data/production/kv-0', { key: viewerKey, body: { data: { a: `${core}-denied` } } }),
    ];
    expect(refused.map(({ status }) => status).filter((status) => status < 400 || status >= 500)).toEqual([]);
    for (const { text, headers } of refused) {
      expect(text).not.toContain(core);
      expect(JSON.stringify(headers)).not.toContain(core);
    }
    const found = await send('/api/v1/vault/find', { body: { text: `${core}-value-0-with-some-length` } });
    expect(found.body).toMatchObject({ found: true });
    expect(found.text).not.toContain(core);
    expect((await send('/v1/secret/data/production/kv-1', { method: 'DELETE' })).status).toBe(204);
    await send('/v1/secret/destroy/production/kv-2', { method: 'PUT', body: { versions: [1] } });
    await send('/v1/secret/metadata/production/kv-3', { method: 'DELETE' });
    const wrapped = await send('/v1/secret/data/production/kv-4', { headers: { 'x-vault-wrap-ttl': '60s' } });
    expect(wrapped.text).not.toContain(core);
    const { token } = wrapped.body.wrap_info;
    const unwrapped = await send('/v1/sys/wrapping/unwrap', { method: 'POST', headers: { 'x-vault-token': token } });
    expect(unwrapped.text).toContain(core);
  });

  it('is in no file: data, write-ahead log, streams, logs', async () => {
    await stack.database.query('checkpoint');
    const { files, findings } = scanFolder(needles, stack.data);
    expect(files).toBeGreaterThan(100);
    expect(findings).toEqual([]);
  });

  it('is in no row of any table, and in no message of any stream', async () => {
    const tables = await scanDatabase(needles, stack.database);
    expect(tables.rows).toBeGreaterThan(repeats);
    const streams = await scanStreams(needles, nc);
    expect(streams.messages).toBeGreaterThan(repeats);
    expect([...tables.findings, ...streams.findings]).toEqual([]);
  });

  it('is in no trace and no metric', async () => {
    await waitFor(() => Buffer.concat(traces).includes('vault'), { message: 'traces of the vault' });
    expect(scanBytes(needles, 'traces', Buffer.concat(traces))).toEqual([]);
    for (const { name, portOffset } of serviceTable.filter((row) => row.stateful)) {
      const answer = await fetch(`http://127.0.0.1:${stack.portBase + portOffset}/metrics`);
      expect([name, answer.status]).toEqual([name, 200]);
      expect(scanBytes(needles, `metrics of ${name}`, Buffer.from(await answer.text()))).toEqual([]);
    }
  });

  it('is in no command line and no environment; nor are the keys that seal it', () => {
    const sealKey = readFileSync(dataFolder(stack.data).keys.sealKey, 'utf8').trim();
    const looked = [...needles, ...needlesOf([sealKey])];
    const shown = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
      .flatMap((pid) => ['cmdline', 'environ'].flatMap((file) => readProcess(pid, file)));
    expect(shown.length).toBeGreaterThan(10);
    expect(shown.flatMap(({ where, bytes }) => scanBytes(looked, where, bytes))).toEqual([]);
  });
});

function readProcess(pid: string, file: string): readonly { where: string; bytes: Buffer }[] {
  try {
    return [{ where: `/proc/${pid}/${file}`, bytes: readFileSync(`/proc/${pid}/${file}`) }];
  } catch {
    return []; // ended meanwhile
  }
}
