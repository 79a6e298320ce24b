import { randomUUID } from 'node:crypto';
import { connectBus, ensureTopology, eventStream } from '@gatehouse/bus';
import { startService } from '@gatehouse/service';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import pg from 'pg';
import { policyService } from '../src/app.module.js';
import { type PolicyStack, startPolicyStack, untilKnown } from './policy-stack.js';

const ownerId = randomUUID();
let stack: PolicyStack;
let mine: string;
let service: string;

beforeAll(async () => {
  stack = await startPolicyStack();
  for (const tenantId of ['main', 'second', 'foreign'])
    await stack.identity.publish(tenantId, 'tenant.created', {
      name: tenantId,
      ownerId: tenantId === 'foreign' ? randomUUID() : ownerId,
    });
  service = (await stack.identity.createKey('main', 'ci', ['owner'])).key;
  mine = (await stack.identity.createKey('main', 'mine', [], { principal: { type: 'user', id: ownerId } })).key;
  for (const key of [service, mine]) await untilKnown(stack, key);
});
afterAll(() => stack?.stop());

const roles = async (key: string, headers: Record<string, string> = {}) => {
  const answer = await stack.call('/api/v1/policy/roles', { key, headers });
  return { status: answer.status, code: ((await answer.json()) as { code?: string }).code };
};

describe('the tenant of a call, in another service than identity', () => {
  it.each<[string, () => string, Record<string, string>, number, string | undefined]>([
    ['is the key’s', () => mine, {}, 200, undefined],
    ['is chosen by a person among his own', () => mine, { 'x-tenant-id': 'second' }, 200, undefined],
    ['is refused to a person elsewhere', () => mine, { 'x-tenant-name': 'foreign' }, 403, 'not_a_member'],
    ['must exist', () => mine, { 'x-tenant-name': 'nowhere' }, 404, 'tenant_not_found'],
    ['is one', () => mine, { 'x-tenant-id': 'main', 'x-tenant-name': 'second' }, 400, 'tenant_headers_differ'],
    ['is a service’s own', () => service, { 'x-tenant-id': 'main' }, 200, undefined],
    ['is no other for a service', () => service, { 'x-tenant-id': 'second' }, 403, 'not_a_member'],
  ])('%s', async (_name, key, headers, status, code) => {
    expect(await roles(key(), headers)).toEqual({ status, code });
  });

  it('is what policy decides about', async () => {
    const ask = async (headers: Record<string, string>) => {
      const answer = await stack.call('/access/v1/evaluation', {
        key: mine,
        headers,
        body: {
          subject: { type: 'user', id: ownerId },
          action: { name: 'logs.read' },
          resource: { type: 'runtime', id: 'app' },
        },
      });
      return answer.status;
    };
    expect([await ask({ 'x-tenant-id': 'second' }), await ask({ 'x-tenant-id': 'foreign' })]).toEqual([200, 403]);
  });
});

describe('a role that was granted to a name before there was a key of it', () => {
  const grant = async (id: string, role: string) => {
    const body = { subject: { type: 'service', id }, role };
    expect((await stack.call('/api/v1/policy/grants', { key: service, body })).status).toBe(201);
  };
  const held = async (id: string) => {
    const answer = await stack.call(`/api/v1/policy/grants?subject_type=service&subject_id=${id}&active=true`, {
      key: service,
    });
    return ((await answer.json()) as { grants: { role: string }[] }).grants.map(({ role }) => role);
  };

  it('does not fall to whoever makes the key; the key’s own roles and later grants hold', async () => {
    await grant('deployer', 'maintainer');
    expect(await held('deployer')).toEqual(['maintainer']);
    const { key } = await stack.identity.createKey('main', 'deployer', ['viewer']);
    await untilKnown(stack, key, 403);
    expect(await held('deployer')).toEqual(['viewer']);
    await grant('deployer', 'developer');
    await stack.identity.createKey('main', 'another', []).then((made) => untilKnown(stack, made.key, 403));
    expect((await held('deployer')).sort()).toEqual(['developer', 'viewer']);
  });
});

describe('a credential with scopes', () => {
  it('revokes a grant if its scopes hold the action, without reaching its own affairs', async () => {
    const subject = { type: 'service', id: 'temporary' };
    const made = await stack.call('/api/v1/policy/grants', { key: service, body: { subject, role: 'viewer' } });
    const { grantId } = (await made.json()) as { grantId: string };
    const limited = async (scope: string) => {
      const name = `limited-${scope.replace('.', '-')}`;
      const { key } = await stack.identity.createKey('main', name, ['owner'], { scopes: [scope] });
      await untilKnown(stack, key, 403);
      return (await stack.call(`/api/v1/policy/grants/${grantId}`, { key, method: 'DELETE' })).status;
    };
    expect([await limited('logs.read'), await limited('role.revoke')]).toEqual([403, 200]);
  });
});

describe('an installation from before tenants could be chosen', () => {
  it('learns of them from the beginning of identity’s log, and no key comes back that was revoked', async () => {
    const admin = new pg.Client({ connectionString: stack.adminUrl });
    await admin.connect();
    const { key, keyId } = await stack.identity.createKey('main', 'revoked', []);
    await untilKnown(stack, key, 403);
    await stack.identity.publish('main', 'key.disabled', { keyId });
    await waitFor(async () => (await roles(key)).status === 401, { message: 'the key is revoked' });
    await stack.service.stop();
    // What the migration finds and leaves: no rows, no position, and a durable that setup makes anew.
    await admin.query(`truncate policy.known_tenants, policy.known_members;
      delete from policy.inbox_positions where consumer = 'policy_callers'`);
    const nc = await connectBus({ servers: stack.nats.url, user: 'setup' });
    await (await jetstreamManager(nc)).consumers.delete(eventStream.name, 'policy_callers');
    await ensureTopology(nc);
    await nc.close();
    stack.service = await startService(policyService, stack.env);
    await waitFor(async () => (await roles(mine, { 'x-tenant-id': 'second' })).status === 200, {
      message: 'members are known again',
    });
    expect((await roles(key)).status).toBe(401);
    const { rows } = await admin.query(`select tenant_id from policy.known_tenants order by 1`);
    expect(rows.map(({ tenant_id }) => tenant_id)).toEqual(['foreign', 'main', 'second']);
    await admin.end();
  });
});
