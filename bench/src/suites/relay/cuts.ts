import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import {
  type FrameStream,
  frameTypes,
  type GrantClaims,
  type OpenMessage,
  type ServedSession,
  serveSessions,
  sessionClient,
  signGrant,
} from '@gatehouse/session';
import { waitFor } from '@gatehouse/testing';
import type { CarrierKind } from '@gatehouse/transport';
import { type Row, ratioOf } from '../../report.js';
import type { Stack } from '../../stack.js';
import { registerPerson, signInPerson } from '../people.js';
import { benchDevices } from './bench-devices.js';

const targetMs = 1_000;
/** Callers that are made ready together. */
const atOnce = 10;
type Who = Pick<GrantClaims, 'tenantId' | 'subject' | 'credential'>;
type Bench = Awaited<ReturnType<typeof benchDevices>>;

/** What runs when it is cut: a shell, a forwarded port, a copy. */
const kinds = [
  {
    scope: { kind: 'shell' },
    action: 'device.shell',
    open: { kind: 'shell', terminal: { term: 'xterm', rows: 24, columns: 80 } },
  },
  {
    scope: { kind: 'forward', targets: ['tcp:127.0.0.1:80'] },
    action: 'device.forward',
    open: { kind: 'forward', target: 'tcp:127.0.0.1:80' },
  },
  { scope: { kind: 'files', paths: ['/data'], write: false }, action: 'device.files.read', open: { kind: 'files' } },
] as const satisfies readonly { scope: GrantClaims['scope']; action: string; open: OpenMessage }[];

/** A session of which bytes come without end, until somebody ends it. */
interface Running {
  readonly frames: FrameStream;
  bytes: number;
  /** When either end heard that it is over, by a clock that only goes forward, and with which word the client did. */
  over: { readonly atMs: number; readonly code: string } | undefined;
  /** When its device heard. */
  endedAtMs: number | undefined;
}

/** Devices in this process: whatever is opened sends without end. */
class Fleet {
  readonly #ended = new Map<string, number>();
  readonly #stops: (() => Promise<void>)[] = [];

  constructor(
    private readonly bench: Bench,
    private readonly relay: string,
    private readonly ca: string,
  ) {}

  endedAt(sid: string): number | undefined {
    return this.#ended.get(sid);
  }

  /** Resolves when it can be reached. */
  async serve(device: ApprovedDevice, carrier: CarrierKind): Promise<void> {
    const { d, x } = device.session.privateKey.export({ format: 'jwk' });
    const bytes = (text: unknown) => Buffer.from(String(text), 'base64url');
    await new Promise<void>((resolve) => {
      const server = serveSessions({
        deviceId: device.deviceId,
        agent: 'bench',
        identity: device.identity.privateKey,
        sessionKeys: [{ public: bytes(x), secret: bytes(d) }],
        grantKeys: this.bench.grantKeys,
        relays: [this.relay],
        carriers: [carrier],
        trust: { ca: this.ca },
        handlers: { shell: this.#pour, forward: this.#pour, files: this.#pour },
        onState: ({ status }) => status === 'online' && resolve(),
      });
      this.#stops.push(() => server.close('stopping'));
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stops.map((stop) => stop()));
  }

  readonly #pour = ({ stream, grant, ended }: Pick<ServedSession, 'stream' | 'grant' | 'ended'>): void => {
    const chunk = Buffer.alloc(1_024, 7);
    stream.sendJson(frameTypes.accepted, {});
    // A hundred run beside each other: each a little all the time, and none of them a flood.
    const timer = setInterval(() => stream.send(frameTypes.data, chunk), 100);
    ended.addEventListener('abort', () => {
      clearInterval(timer);
      this.#ended.set(grant.sid, performance.now());
    });
  };
}

/** How soon sessions end, at both ends, after what they rest on is gone, and whether any other ends with them. */
export async function cuts(stack: Stack, trials: number): Promise<readonly Row[]> {
  const ca = readFileSync(join(dirname(dirname(dirname(stack.natsSeed('setup')))), 'tls', 'ca.pem'), 'utf8');
  const relay = `127.0.0.1:${Number(new URL(stack.gateway).port) - 1}`;
  const bench = await benchDevices(stack);
  const fleet = new Fleet(bench, relay, ca);
  const client = (who: Who, device: ApprovedDevice, which: number, carrier: CarrierKind) =>
    start({ bench, relay, ca, fleet }, who, device, which, carrier);
  const causes = causesOf(stack, bench);
  const [shared] = await bench.approve(1);
  if (!shared) throw new Error('no device');
  await fleet.serve(shared, 'quic');
  const operator: Who = {
    tenantId: bench.operator.tenantId,
    subject: { type: 'service', id: bench.operator.id },
    credential: bench.operator.keyId,
  };
  const bystander = await client(operator, shared, 0, 'quic');
  const rows: Row[] = [];
  for (const [name, prepare] of Object.entries(causes)) {
    const callers = await prepare(trials);
    const running: Running[] = [];
    for (const [i, { who, device }] of callers.entries()) {
      if (device) await fleet.serve(device, i % 2 ? 'tls' : 'quic');
      running.push(await client(who ?? operator, device ?? shared, i, i % 2 ? 'tls' : 'quic'));
    }
    const tookMs: number[] = [];
    for (const [i, { revoke }] of callers.entries()) {
      const session = running[i] as Running;
      const from = performance.now();
      await revoke();
      await waitFor(() => session.over && session.endedAtMs, {
        timeoutMs: 30_000,
        intervalMs: 5,
        message: `${name} ${i}`,
      });
      if (session.over?.code !== 'revoked') throw new Error(`${name} ${i} ended by ${session.over?.code}`);
      tookMs.push(Math.max(session.over.atMs, session.endedAtMs ?? 0) - from);
      const others = [bystander, ...running.slice(i + 1)];
      if (others.some(({ over }) => over)) throw new Error(`${name} ${i} ended another session`);
    }
    const before = bystander.bytes;
    await waitFor(() => bystander.bytes > before, { timeoutMs: 30_000, message: 'the bystander goes on' });
    const [p50, p99, worst] = [0.5, 0.99, 1].map((part) => quantile(tookMs, part));
    rows.push({
      name: `sessions end after ${name}, p50 / p99 / worst of ${trials}`,
      value: `${[p50, p99, worst].map((ms) => ms?.toFixed(0)).join(' / ')} ms`,
      ratio: ratioOf(p99 ?? 0, targetMs),
      against: `${targetMs} ms, p99; no other session ended`,
    });
  }
  await fleet.stop();
  await bench.stop();
  return rows;
}

interface Place {
  readonly bench: Bench;
  readonly relay: string;
  readonly ca: string;
  readonly fleet: Fleet;
}

async function start(
  { bench, relay, ca, fleet }: Place,
  who: Who,
  device: ApprovedDevice,
  which: number,
  carrier: CarrierKind,
) {
  const { scope, action, open } = kinds[which % kinds.length] as (typeof kinds)[number];
  const sid = randomUUID();
  const client = sessionClient({
    trust: { ca },
    carriers: [carrier],
    requestGrant: async ({ clientKey }) => {
      const iat = Math.floor(Date.now() / 1_000);
      const claims = {
        ...{ jti: randomUUID(), sid, iss: 'gatehouse/registry', aud: device.deviceId, ...who, scope },
        ...{ actions: [action], decisions: [randomUUID()], cnf: { x25519: clientKey }, iat, exp: iat + 300 },
      } as unknown as GrantClaims;
      const sessionKey = String(device.session.publicKey.export({ format: 'jwk' }).x);
      return {
        grant: signGrant(claims, bench.grantKey),
        sessionId: sid,
        expiresAt: new Date(claims.exp * 1_000).toISOString(),
        device: { id: device.deviceId, name: 'bench', sessionKey },
        relays: [relay],
      };
    },
  });
  const frames = await client.openSession({ scope, open });
  const running: Running = {
    frames,
    bytes: 0,
    over: undefined,
    get endedAtMs() {
      return fleet.endedAt(sid);
    },
  };
  const end = (code: string) => {
    running.over ??= { atMs: performance.now(), code };
  };
  frames.onReset = ({ code }) => end(code);
  frames.onEnd = () => end('end');
  frames.onFrame = (type, payload) => {
    if (type === frameTypes.data) running.bytes += payload.byteLength;
  };
  await waitFor(() => running.bytes > 0, { timeoutMs: 30_000, message: 'bytes come' });
  return running;
}

interface Caller {
  /** The operator, unless given. */
  readonly who?: Who;
  /** Its own; else the one that is shared. */
  readonly device?: ApprovedDevice;
  readonly revoke: () => Promise<unknown>;
}

/** Calls as the operator. @throws for any answer but a good one */
const callerOf =
  (key: string) =>
  async (url: string, body: object | undefined, method = 'POST') => {
    const answer = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${new URL(url).pathname}: ${answer.status} ${text}`);
    // biome-ignore lint/suspicious/noExplicitAny: answers of which a few members are read
    return (text ? JSON.parse(text) : undefined) as any;
  };

/** By what is gone: so many callers with a session each, and how it is taken from them. */
function causesOf(stack: Stack, bench: Bench): Record<string, (count: number) => Promise<Caller[]>> {
  const { identity, policy } = stack.services;
  const { tenantId } = bench.operator;
  const call = callerOf(stack.key);
  const newKey = async (roles: readonly string[]) => {
    const name = `bench-${randomUUID().slice(0, 13)}`;
    const { keyId } = await call(`${identity}/api/v1/identity/keys`, { name, roles });
    const who: Who = { tenantId, subject: { type: 'service', id: name }, credential: keyId };
    return { who, keyId };
  };
  const known = (keyId: string) => async () =>
    (await bench.database.query('select from relay.known_keys where key_id = $1', [keyId])).rows.length > 0;
  const granted = (subject: string, tenant: string) => async () =>
    (
      await bench.database.query('select from policy.grants where tenant_id = $1 and subject_id = $2 and active', [
        tenant,
        subject,
      ])
    ).rows.length > 0;
  const patient = { timeoutMs: 60_000, message: 'policy and the relay know whom a session is for' };
  const times = async (count: number, make: (i: number) => Promise<Caller>): Promise<Caller[]> => {
    const callers: Caller[] = [];
    for (let i = 0; i < count; i += atOnce)
      callers.push(...(await Promise.all(Array.from({ length: Math.min(atOnce, count - i) }, (_, j) => make(i + j)))));
    return callers;
  };
  return {
    'a key is disabled': (count) =>
      times(count, async () => {
        const { who, keyId } = await newKey(['developer']);
        await waitFor(known(keyId), patient);
        await waitFor(granted(who.subject.id, tenantId), patient);
        return { who, revoke: () => call(`${identity}/api/v1/identity/keys/${keyId}/disable`, {}) };
      }),
    'a role is revoked': (count) =>
      times(count, async () => {
        const { who, keyId } = await newKey([]);
        const { grantId } = await call(`${policy}/api/v1/policy/grants`, { subject: who.subject, role: 'developer' });
        await waitFor(known(keyId), patient);
        await waitFor(granted(who.subject.id, tenantId), patient);
        return { who, revoke: () => call(`${policy}/api/v1/policy/grants/${grantId}`, undefined, 'DELETE') };
      }),
    'a user is disabled': async (count) => {
      const people = await times(count, async (i) => {
        const email = `cut-${i}@bench.example`;
        const from = `127.0.${i + 1}.1`;
        await registerPerson(String(identity), stack.mail, email, from);
        const { userId, sessionId } = await signInPerson(String(identity), email, from);
        const personal = `p-${userId}`;
        await waitFor(granted(userId, personal), patient);
        const who: Who = { tenantId: personal, subject: { type: 'user', id: userId }, credential: sessionId };
        return { who, revoke: () => call(`${identity}/api/v1/identity/users/${userId}/disable`, {}) };
      });
      const devices = await bench.approve(
        count,
        people.map(({ who }) => who?.tenantId ?? ''),
      );
      return people.map((person, i) => ({ ...person, ...(devices[i] && { device: devices[i] }) }));
    },
    'a device is removed': async (count) => {
      const devices = await bench.approve(count);
      return devices.map((device) => ({ device, revoke: () => bench.registry.remove(device) }));
    },
  };
}

/** The smallest value that at least this part of them does not exceed. */
function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}
