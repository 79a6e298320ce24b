import { randomUUID } from 'node:crypto';
import { connectBus, serve } from '@gatehouse/bus';
import { personalData } from '@gatehouse/contracts';
import { loadRootKey } from '@gatehouse/crypto';
import { PostgresEventStore } from '@gatehouse/event-store';
import { waitFor } from '@gatehouse/testing';
import type { NatsConnection } from '@nats-io/transport-node';
import { strFromU8, unzipSync } from 'fflate';
import type { JWTPayload } from 'jose';
import pg from 'pg';
import { SigningKeys } from '../src/signing-key/signing-keys.service.js';
import { type Call, send } from './api.fixture.js';
import type { Stack } from './stack.fixture.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** What any answer of these routes may hold, as far as tests read it. */
  readonly body: {
    readonly code: string;
    readonly detail?: string;
    readonly exportId: string;
    readonly erasureId: string;
    readonly status: string;
    readonly problem?: string;
    readonly dueAt: string;
    readonly progress: { done: number; total: number; phase: string; records: number };
    readonly exports: readonly { exportId: string }[];
    readonly nextCursor: string | null;
    readonly certificate?: { destroyed: Record<string, number>; eventId: string; ledger?: { index: number } };
    readonly retention: readonly { kind: string; days: number; defaultDays: number; revision: number }[];
    readonly organizations: readonly { tenantId: string }[];
  };
}

/** Calls `METHOD /path` below `/api/v1/identity/privacy`. */
export async function privacyCall(
  replica: { readonly address: string },
  what: string,
  call: Call = {},
): Promise<Answer> {
  const response = await send(replica, what.replace(' ', ' /privacy'), call);
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    body: isJson ? JSON.parse(bytes.toString('utf8')) : {},
  };
}

export const filesOf = (zip: Buffer): Record<string, string> =>
  Object.fromEntries(Object.entries(unzipSync(zip)).map(([name, bytes]) => [name, strFromU8(bytes)]));

/** A token signed with the installation's own key, as only identity can. */
export async function mintToken(stack: Stack, claims: JWTPayload): Promise<string> {
  const { DATABASE_SYSTEM_URL: connectionString, ROOT_KEY_FILE = '' } = stack.env();
  const pool = new pg.Pool({ connectionString, max: 1 });
  const keys = new SigningKeys({
    pool,
    root: loadRootKey(ROOT_KEY_FILE),
    algorithm: 'ES256',
    onError: () => undefined,
  });
  await keys.refresh(Date.now());
  await pool.end();
  const all = { iss: 'https://localhost', aud: 'urn:gatehouse:api', jti: randomUUID(), ...claims };
  return keys.sign(all, { typ: 'at+jwt', lifetimeSeconds: 600, nowMs: Date.now() });
}

/** The token of a sign-in that was `ageMs` ago, in the person's home tenant. */
export async function signedIn(
  stack: Stack,
  { userId, tenantId, ageMs = 0, of = userId }: { userId: string; tenantId: string; ageMs?: number; of?: string },
  claims: JWTPayload = {},
): Promise<string> {
  const pool = new pg.Pool({ connectionString: stack.databaseUrl(), max: 1 });
  const sessionId = randomUUID();
  const data = { sessionId, userId: of, methods: ['pwd'] };
  await new PostgresEventStore({ service: 'identity', pool }).append(
    `session:${sessionId}`,
    [{ type: 'session.started', version: 1, data }],
    {
      expectedRevision: 0,
      context: { tenantId, actor: { type: 'user', id: userId }, now: Date.now() - ageMs, correlationId: '' },
    },
  );
  await pool.end();
  return mintToken(stack, { sub: userId, tenant: tenantId, sid: sessionId, amr: ['pwd'], ...claims });
}

export interface OtherServices {
  readonly policy: NatsConnection;
  readonly audit: NatsConnection;
  /** Ledger entries that audit answers with; `hold` keeps it from answering. */
  entries: object[];
  hold: Promise<void> | undefined;
  asked: number;
  stop(): Promise<void>;
}

/** Stand-ins of the other services, for what they hold on people: the real ones are asked on the whole stack. */
export async function startOtherServices({ nats }: Stack): Promise<OtherServices> {
  const [policy, registry, audit] = await Promise.all([
    connectBus({ servers: nats.url, user: 'policy' }),
    connectBus({ servers: nats.url, user: 'registry' }),
    connectBus({ servers: nats.url, user: 'audit' }),
  ]);
  const others: OtherServices = {
    policy,
    audit,
    entries: [],
    hold: undefined,
    asked: 0,
    stop: async () => void (await Promise.all([policy.close(), registry.close(), audit.close()])),
  };
  serve(policy, personalData('policy'), async () => ({ items: [{ kind: 'grant', record: { role: 'owner' } }] }));
  serve(registry, personalData('registry'), async () => ({ items: [{ kind: 'device', record: { name: 'edge' } }] }));
  serve(audit, personalData('audit'), async ({ cursor, eventId }) => {
    others.asked++;
    await others.hold;
    if (eventId)
      return { items: [{ kind: 'ledger_entry', record: { index: 7, leafHash: 'x', event: { id: eventId } } }] };
    const at = Number(cursor ?? 0);
    const items = others.entries.slice(at, at + 2).map((record) => ({ kind: 'ledger_entry', record: { ...record } }));
    return {
      items,
      ...(at + 2 < others.entries.length && { nextCursor: String(at + 2) }),
      total: others.entries.length,
    };
  });
  return others;
}

/** Waits until a job of these routes has come to an end. */
export const finished = (replica: { address: string }, path: string, key: string): Promise<Answer> =>
  waitFor(
    async () => {
      const answer = await privacyCall(replica, `GET ${path}`, { key });
      return ['ready', 'failed', 'done', 'refused', 'cancelled'].includes(answer.body.status) && answer;
    },
    { timeoutMs: 30_000, message: `${path} to end` },
  );
