import { randomBytes, randomUUID } from 'node:crypto';
import {
  CallerDirectory,
  createAuthenticator,
  knownCallersChannel,
  knownCallersSql,
  knownKeysSql,
  type Principal,
} from '@gatehouse/authn';
import { generateKey, keyFingerprint } from '@gatehouse/crypto';
import { openPool, rolesSql, Wake } from '@gatehouse/event-store';
import { ObservationReporter } from '@gatehouse/service';
import { startTestPostgres, waitFor } from '@gatehouse/testing';
import pg from 'pg';
import { median } from '../load.js';
import { type Row, ratioOf } from '../report.js';

const service = 'bench';
const keyCount = 10_000;
const members = 1_000;
const calls = 20_000;
const rounds = 9;
const limitNs = 50_000;
const pepper = randomBytes(32);

/** What one call pays before its route runs, beside the one thing it cannot do without: the HMAC of its key. */
export async function keyCheck(): Promise<readonly Row[]> {
  const postgres = await startTestPostgres();
  const admin = new pg.Client({ connectionString: await postgres.createDatabase(service) });
  await admin.connect();
  await admin.query(rolesSql(service, { request: 'bench-password', system: 'bench-password' }));
  await admin.query(knownKeysSql(service) + knownCallersSql(service));
  const bearers = await fill(admin);
  const url = postgres.urlOf(service, `gatehouse_${service}_system`);
  const query = openPool({ url, max: 2, applicationName: service });
  const wake = new Wake({ url, channels: [knownCallersChannel(service)] }).start();
  const callers = new CallerDirectory({ service, pepper, query, wake }).start();
  try {
    await waitFor(() => callers.loaded, { message: 'the directory is loaded', timeoutMs: 30_000 });
    return measure(callers, bearers);
  } finally {
    await callers.stop();
    await wake.stop();
    await Promise.all([query.end(), admin.end()]);
    await postgres.stop();
  }
}

/** Half of the keys are services', half are people's, who are members of the tenant. */
async function fill(admin: pg.Client): Promise<readonly string[]> {
  const people = Array.from({ length: members }, () => randomUUID());
  const keys = Array.from({ length: keyCount }, (_, i) => {
    const family = i % 2 === 0 ? 'mas_' : 'mau_';
    return { id: randomUUID(), family, text: generateKey(family), person: people[i % members] ?? '' };
  });
  await admin.query(`insert into ${service}.known_tenants values ('main', false, true)`);
  await admin.query(`insert into ${service}.known_members select 'main', unnest($1::uuid[]), 'developer'`, [people]);
  await admin.query(
    `insert into ${service}.known_keys (key_id, tenant_id, family, principal_type, principal_id, fingerprint, enabled)
     select id, 'main', family, case family when 'mas' then 'service' else 'user' end, principal, fingerprint, true
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as k(id, family, principal, fingerprint)`,
    [
      keys.map(({ id }) => id),
      keys.map(({ family }) => family.slice(0, 3)),
      keys.map(({ family, id, person }) => (family === 'mas_' ? id : person)),
      keys.map(({ text }) => keyFingerprint(pepper, text).toString('base64')),
    ],
  );
  return keys.map(({ text }) => text);
}

function measure(callers: CallerDirectory, bearers: readonly string[]): readonly Row[] {
  const authenticate = createAuthenticator({ callers });
  const now = Date.now();
  const unsent = new ObservationReporter({ service, send: async () => undefined, onError: () => undefined });
  const headers = bearers.map((bearer) => ({ authorization: `Bearer ${bearer}`, ip: '10.0.0.1' }));
  const bare = (i: number) => keyFingerprint(pepper, bearers[i % keyCount] ?? '');
  const check = (i: number) => authenticate(headers[i % keyCount] ?? { authorization: '', ip: '' }, now);
  const checkAndCount = (i: number) => {
    const { keyId = '' } = check(i) as Principal;
    unsent.used(keyId, '10.0.0.1', now);
  };
  const ns = { bare: [] as number[], check: [] as number[], counted: [] as number[] };
  // In turns, so that whatever else this machine does meets all three.
  for (let round = 0; round < rounds; round++) {
    ns.bare.push(nsPerCall(bare));
    ns.check.push(nsPerCall(check));
    ns.counted.push(nsPerCall(checkAndCount));
  }
  const row = (name: string, values: readonly number[]): Row => ({
    name,
    value: `${Math.round(median(values)).toLocaleString('en-US')} ns (worst round ${Math.round(Math.max(...values)).toLocaleString('en-US')}; limit ${limitNs.toLocaleString('en-US')})`,
    ratio: ratioOf(median(values), median(ns.bare)),
    against: 'the HMAC alone',
  });
  return [
    { name: 'HMAC-SHA256 of a key', value: `${Math.round(median(ns.bare)).toLocaleString('en-US')} ns` },
    row(`a key check with ${keyCount.toLocaleString('en-US')} keys known`, ns.check),
    row('the same, and its use counted', ns.counted),
  ];
}

function nsPerCall(work: (i: number) => unknown): number {
  const startedAt = performance.now();
  for (let i = 0; i < calls; i++) work(i);
  return ((performance.now() - startedAt) * 1e6) / calls;
}
