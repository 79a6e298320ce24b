import { formatPosition, type Position } from '@gatehouse/contracts';
import { type CompiledPolicy, compile, evaluate, type PolicyDocument, type Request } from '@gatehouse/evaluator';
import { handle } from '@gatehouse/event-store';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { changeSomething, randomFrom } from '../facts/change-facts.fixture.js';
import { dump, foldLog } from '../facts/facts-dump.fixture.js';
import { FactsUnavailable } from '../facts/guarded-facts.js';
import {
  contextOf,
  type PolicyDatabase,
  startPolicyDatabase,
  startPolicyDatabaseWithServer,
} from '../facts/policy-database.fixture.js';
import { grantDecider, grantIdOf, grantStream } from '../grant/grant.js';
import { grantRole } from '../grant/grant-role/grant-role.js';
import { revokeRole } from '../grant/revoke-role/revoke-role.js';
import { builtinPolicy } from '../role/roles.js';
import { PastFacts, type PastFactsOptions } from './past-facts.js';

let db: PolicyDatabase;
beforeEach(async () => {
  db = await startPolicyDatabase();
});
afterEach(() => db.close());

const documents: Record<string, PolicyDocument> = {
  'sha256:one': {
    rules: [
      { type: 'selector', id: 'gold', effect: 'permit', who: { orgs: ['other'] }, what: { labels: { tier: 'gold' } } },
    ],
  },
  'sha256:two': {
    rules: [{ type: 'selector', id: 'no-ann', effect: 'forbid', who: { users: ['ann'] }, actions: ['secret.read'] }],
  },
};
const compiledOf = (digest: string | null): CompiledPolicy => {
  const document = digest === null ? undefined : documents[digest];
  return document ? compile({ digest: digest ?? '', document }) : builtinPolicy;
};
const pastOf = (options: Partial<PastFactsOptions> = {}) =>
  new PastFacts({
    pool: db.system,
    compiled: async (_tenant, digest) => compiledOf(digest),
    maxEvents: 100_000,
    ...options,
  });

async function change(
  role: string,
  decide: 'grant' | 'revoke',
  tenantId = 'acme',
  subject = { type: 'user', id: 'ann' },
) {
  const terms = { subject, role, scope: '*' };
  const { position } = await handle(db.store, grantDecider, {
    streamId: grantStream(grantIdOf(terms)),
    context: contextOf(tenantId),
    decide: decide === 'grant' ? grantRole(terms) : revokeRole(),
  });
  if (!position) throw new Error('nothing changed');
  return position;
}
let revisions = 0;
const activate = (digest: string | null, tenantId = 'acme') =>
  db.store.append(
    `policy:t${revisions++}`,
    [{ type: 'policy.activated', version: 1, data: { digest, previous: null, reason: 'x', rollback: false } }],
    {
      expectedRevision: 0,
      context: contextOf(tenantId),
    },
  );
const now = async () =>
  (await db.admin(`select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as now`))
    .rows[0].now as string;
const rolesAt = async (past: PastFacts, asOf: string, tenantId = 'acme') =>
  (await past.at(tenantId, asOf)).facts.held({ type: 'user', id: 'ann' }).map(({ role }) => role);

describe('the past', () => {
  it('answers 1,000 random questions as a fold from the beginning does', async () => {
    const random = randomFrom(7);
    const moments: { asOf: string; position: Position; digest: string | null }[] = [];
    let digest: string | null = null;
    for (let i = 0; i < 250; i++) {
      if (i % 40 === 20) {
        digest = [null, 'sha256:one', 'sha256:two'][Math.floor(random() * 3)] ?? null;
        await activate(digest);
      }
      await changeSomething(db.store, random);
      if (i % 5 === 0) {
        const { rows } = await db.admin(
          'select tx::text, seq::text from policy.events order by tx desc, seq desc limit 1',
        );
        if (rows[0])
          moments.push({ asOf: await now(), position: { tx: BigInt(rows[0].tx), seq: BigInt(rows[0].seq) }, digest });
      }
    }
    const past = pastOf();
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const folds = new Map<string, Awaited<ReturnType<typeof foldLog>>>();
    let permits = 0;
    for (let i = 0; i < 1_000; i++) {
      const { asOf, position, digest: active } = pick(moments);
      const folded = folds.get(asOf) ?? (await foldLog(db.system, position));
      folds.set(asOf, folded);
      const request: Request = {
        subject: { type: 'user', id: pick(['ann', 'bob', 'cid', 'dan', 'eve']) },
        action: { name: pick(['secret.read', 'deploy.production', 'logs.read', 'role.grant']) },
        resource: { type: pick(['ticket', 'project']), id: pick(['ann', 'bob', 'shop', 'web']) },
      };
      const then = await past.at('acme', i % 2 ? asOf : formatPosition(position));
      expect(then.policy.digest).toBe(compiledOf(active).digest);
      const answer = evaluate(then.policy, then.facts, request, 0);
      expect(answer).toEqual(evaluate(compiledOf(active), folded.tenant('acme'), request, 0));
      if (answer.decision) permits++;
    }
    for (const { asOf } of moments) {
      const folded = folds.get(asOf);
      if (folded) expect(dump((await past.at('acme', asOf)).facts)).toEqual(dump(folded.tenant('acme')));
    }
    expect(permits).toBeGreaterThan(50);
    expect(permits).toBeLessThan(950);
  });

  it('goes on while the log does, and what was answered for a moment stays', async () => {
    const past = pastOf();
    const before = await now();
    expect(await rolesAt(past, before)).toEqual([]);
    await change('viewer', 'grant');
    const granted = await now();
    expect(await rolesAt(past, granted)).toEqual(['viewer']);
    await change('viewer', 'revoke');
    const revoked = await now();
    expect(await rolesAt(past, revoked)).toEqual([]);
    expect(await rolesAt(past, granted)).toEqual(['viewer']);
    expect(await rolesAt(past, before)).toEqual([]);
    expect(await rolesAt(pastOf(), granted)).toEqual(['viewer']);
  });

  it('knows the policy and the mode of the moment', async () => {
    const past = pastOf();
    const start = await now();
    await activate('sha256:two');
    await db.store.append(
      'policy:mode',
      [{ type: 'policy.settings_changed', version: 1, data: { mode: 'audit_only', fourEyes: false, reason: 'x' } }],
      {
        expectedRevision: 0,
        context: contextOf('acme'),
      },
    );
    const then = await now();
    await activate(null);
    expect((await past.at('acme', then)).nowMs).toBe(Date.parse(then));
    expect(
      Math.abs((await past.at('acme', `${(await activate(null)).position.tx}.9`)).nowMs - Date.now()),
    ).toBeLessThan(60_000);
    expect(await past.at('acme', start)).toMatchObject({ policy: { digest: builtinPolicy.digest }, mode: 'strict' });
    expect(await past.at('acme', then)).toMatchObject({ policy: { digest: 'sha256:two' }, mode: 'audit_only' });
    expect(await past.at('acme', await now())).toMatchObject({
      policy: { digest: builtinPolicy.digest },
      mode: 'audit_only',
    });
  });

  it('waits for a transaction that wrote before the moment and has not committed', async () => {
    const past = pastOf();
    await rolesAt(past, await now());
    const client = await db.request.connect();
    await client.query(`begin; select set_config('gatehouse.tenant', 'acme', true)`);
    const terms = { subject: { type: 'user', id: 'ann' }, role: 'owner', scope: '*' };
    await handle(db.store.within(client), grantDecider, {
      streamId: grantStream(grantIdOf(terms)),
      context: contextOf('acme'),
      decide: grantRole(terms),
    });
    const later = await change('viewer', 'grant');
    const moment = await now();
    await expect(pastOf({ maxWaitMs: 30 }).at('acme', moment)).rejects.toMatchObject({ name: 'StoreUnavailable' });
    const answer = rolesAt(past, moment);
    await client.query('commit');
    client.release();
    expect([...(await answer)].sort()).toEqual(['owner', 'viewer']);
    // The later transaction committed first, and is known no sooner than what stands before it.
    expect([...(await rolesAt(past, formatPosition(later)))].sort()).toEqual(['owner', 'viewer']);
  });

  it('refuses what is no moment, and moments to come', async () => {
    const past = pastOf({ maxWaitMs: 30 });
    await expect(past.at('acme', 'yesterday')).rejects.toMatchObject({ code: 'as_of_malformed', status: 400 });
    await expect(past.at('acme', '2999-01-01')).rejects.toMatchObject({ code: 'as_of_in_future', status: 400 });
    await expect(past.at('acme', '99999999999999999999.1')).rejects.toMatchObject({ code: 'as_of_in_future' });
    expect(await rolesAt(past, '1999-01-01')).toEqual([]);
    expect(await rolesAt(past, '0.0')).toEqual([]);
  });

  it('is each tenant’s own, but for who belongs to an organization that it names', async () => {
    const past = pastOf();
    const guest = await change('viewer', 'grant', 'partner');
    await change('owner', 'grant', 'stranger');
    await past.at('acme', formatPosition(guest));
    const shared = await change('developer', 'grant', 'acme', { type: 'org', id: 'partner' });
    expect(await rolesAt(past, formatPosition(shared))).toEqual(['developer']);
    expect(await rolesAt(past, formatPosition(guest))).toEqual([]);
    const left = await change('viewer', 'revoke', 'partner');
    expect(await rolesAt(past, formatPosition(left))).toEqual([]);
    expect(await rolesAt(past, formatPosition(shared))).toEqual(['developer']);
  });

  it('knows who belonged to the organizations of a policy that never was', async () => {
    const past = pastOf();
    const joined = await change('viewer', 'grant', 'partner');
    const groupsOf = async (organizations: readonly string[]) =>
      (await past.load('acme', organizations)).at(joined).facts.groups({ type: 'user', id: 'ann' });
    expect(await groupsOf([])).toEqual([]);
    expect(await groupsOf(['partner'])).toEqual([{ type: 'org', id: 'partner' }]);
  });

  it('is let go when others need the room, and refused when it alone is too long', async () => {
    const past = pastOf({ maxEvents: 5 });
    for (const tenantId of ['a', 'b', 'c'])
      for (const role of ['viewer', 'user', 'developer']) await change(role, 'grant', tenantId);
    for (const tenantId of ['a', 'b', 'c']) expect(await rolesAt(past, await now(), tenantId)).toHaveLength(3);
    expect(past.size).toBe(3);
    const held = await past.load('a');
    await past.at('b', await now());
    expect(held.at({ tx: 1n, seq: 1n }).position).toBe('0.0');
    expect(() => past.atPosition('a', { tx: 1n, seq: 1n })).toThrow(RangeError);
    for (const role of ['owner', 'admin', 'maintainer']) await change(role, 'grant', 'a');
    await expect(past.at('a', await now())).rejects.toMatchObject({ code: 'history_too_long', status: 409 });
    expect(await rolesAt(past, await now(), 'b')).toHaveLength(3);
  });

  it('is closed for a tenant of which an event can’t be applied', async () => {
    const before = await change('viewer', 'grant');
    await db.store
      .append('membership:x', [{ type: 'group.left', version: 1, data: { group: 7 } }], {
        expectedRevision: 0,
        context: contextOf('acme'),
      })
      .catch(() => undefined);
    await db.admin(
      `with id as (select gen_random_uuid() as id) insert into policy.events (id, tenant_id, stream_id, revision, type, envelope)
       select id, 'acme', 'membership:y', 1, 'group.left', jsonb_build_object('id', id, 'data', '{"group": 7}'::jsonb)::text from id`,
    );
    const past = pastOf();
    await expect(past.at('acme', await now())).rejects.toBeInstanceOf(FactsUnavailable);
    await expect(past.at('acme', formatPosition(before))).rejects.toBeInstanceOf(FactsUnavailable);
    expect(await rolesAt(past, await now(), 'other')).toEqual([]);
  });

  it('goes on after PostgreSQL was killed', async () => {
    await db.close();
    const withServer = await startPolicyDatabaseWithServer();
    const { server } = withServer;
    db = withServer;
    const past = pastOf();
    const granted = await change('viewer', 'grant');
    await past.at('acme', formatPosition(granted));
    await server.kill9();
    expect(await rolesAt(past, formatPosition(granted))).toEqual(['viewer']);
    await expect(past.at('acme', '2999-01-01')).rejects.toThrow();
    await server.restart();
    expect(await rolesAt(past, await now().catch(() => now()))).toEqual(['viewer']);
  });
});
