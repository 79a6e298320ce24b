import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type RunningService, startService } from '@gatehouse/service';
import { freePort, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { policyService } from '../src/app.module.js';
import { type PolicyStack, question, startPolicyStack } from './policy-stack.js';
import { type Somebody, TestTenant } from './tenant.js';

let stack: PolicyStack;
let tenant: TestTenant;
let owner: Somebody;

beforeAll(async () => {
  stack = await startPolicyStack();
});
afterAll(() => stack?.stop());
beforeEach(async () => {
  tenant = new TestTenant(stack);
  owner = await tenant.create();
});

const permitting = (action: string) => ({
  rules: [{ id: 'r', type: 'selector', effect: 'permit', actions: [action], who: { anyone: true } }],
});
const draft = async (action = 'printer.use') =>
  (await owner.call('/versions', { document: permitting(action) })).body.digest;
const mayPrint = () => tenant.decides(owner, 'user/x', 'printer.use', 'printer/p');

const withDatabase = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: stack.adminUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};
const count = async (client: pg.Client, text: string, values: unknown[] = []) =>
  Number((await client.query(text, values)).rows[0]?.n);
const activations = (client: pg.Client) =>
  count(client, `select count(*) n from policy.events where tenant_id = $1 and type = 'policy.activated'`, [tenant.id]);

describe('kill -9 around an activation', () => {
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url));

  /** A process of its own, and what it answers to an activation; undefined if it dies before. */
  const activateInProcess = async (digest: string, idempotencyKey: string) => {
    const port = await freePort();
    const env = { ...stack.env, SERVICE_PORT: String(port) };
    const child: ChildProcess = spawn(process.execPath, [main, 'serve'], { env, stdio: 'ignore' });
    const at = `http://127.0.0.1:${port}`;
    const isReady = () =>
      fetch(`${at}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await waitFor(isReady, { message: 'the process is ready' });
    const answer = fetch(`${at}/api/v1/policy/versions/${digest}/activate`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${owner.key}`,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify({ reason: 'because' }),
    }).then(
      ({ status }) => status,
      () => undefined,
    );
    const kill = async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    };
    return { answer, kill };
  };
  const repeat = (digest: string, key: string) =>
    owner.call(`/versions/${digest}/activate`, { reason: 'because' }, { headers: { 'idempotency-key': key } });

  it('before its commit: nothing happened, and it can be asked for again', async () => {
    const digest = await draft();
    await withDatabase(async (client) => {
      await client.query('begin');
      await client.query('lock table policy.active_policies in exclusive mode');
      const { answer, kill } = await activateInProcess(digest, 'before-commit');
      const waiting = () =>
        withDatabase((other) =>
          count(
            other,
            `select count(*) n from pg_locks where not granted and relation = 'policy.active_policies'::regclass`,
          ),
        );
      await waitFor(async () => (await waiting()) > 0, { message: 'the event is written and its row waits' });
      await kill();
      expect(await answer).toBeUndefined();
      await client.query('rollback');
    });
    await withDatabase(async (client) => expect(await activations(client)).toBe(0));
    expect(await mayPrint()).toBe(false);
    expect(await repeat(digest, 'before-commit')).toMatchObject({ status: 200, body: { digest } });
    expect(await mayPrint()).toBe(true);
  });

  it('after its commit, before its answer: it holds, and the repetition answers what was done', async () => {
    const digest = await draft();
    await withDatabase(async (client) => {
      // An older transaction holds back every reader of the log: the answer waits, the commit does not.
      await client.query('begin');
      await client.query('select pg_current_xact_id()');
      const { answer, kill } = await activateInProcess(digest, 'after-commit');
      await waitFor(() => withDatabase(async (other) => (await activations(other)) === 1), {
        message: 'the activation is stored',
        intervalMs: 5,
      });
      await kill();
      expect(await answer).toBeUndefined();
      await client.query('rollback');
    });
    expect(await repeat(digest, 'after-commit')).toMatchObject({
      status: 200,
      body: { status: 'activated', digest, previous: null },
    });
    await withDatabase(async (client) => expect(await activations(client)).toBe(1));
    expect(await mayPrint()).toBe(true);
  });
});

describe('another replica', () => {
  let other: RunningService;
  beforeAll(async () => {
    other = await startService(policyService, stack.env);
  });
  afterAll(() => other?.stop());

  const decidesThere = async () => {
    const answer = await fetch(`${await other.app.getUrl()}/access/v1/evaluation`, {
      method: 'POST',
      headers: { authorization: `Bearer ${owner.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(question('user/x', 'printer.use', 'printer/p')),
    });
    return ((await answer.json()) as { decision?: boolean }).decision;
  };

  it('decides by what was activated here, back and forth', async () => {
    const digest = await draft();
    await owner.call(`/versions/${digest}/activate`, { reason: 'r' });
    await waitFor(async () => (await decidesThere()) === true, { message: 'the other replica permits' });
    await owner.call('/rollback', { reason: 'r' });
    await waitFor(async () => (await decidesThere()) === false, { message: 'the other replica denies again' });
  });
});

describe('at the same moment', () => {
  it('two activations of what both believe to be active: one is told that it is not', async () => {
    const digests = [await draft('a.do'), await draft('b.do')];
    const answers = await Promise.all(
      digests.map((digest) => owner.call(`/versions/${digest}/activate`, { reason: 'r', expectedActive: null })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  it('two drafts of one text: one version', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => owner.call('/versions', { document: {} })));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.digest}`)).size).toBe(1);
    const drafted = await withDatabase((client) =>
      count(client, `select count(*) n from policy.events where tenant_id = $1 and type = 'policy.drafted'`, [
        tenant.id,
      ]),
    );
    expect(drafted).toBe(1);
  });

  it('drafts beyond the bound: not one more, however many come at once', async () => {
    await withDatabase((client) =>
      client.query(
        `insert into policy.policy_versions
         select $1, 'sha256:' || md5(i::text) || md5(i::text), '', 10, 'user', 'x', now(), null from generate_series(1, 498) i`,
        [tenant.id],
      ),
    );
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, i) => owner.call('/versions', { document: permitting(`a.do${i}`) })),
    );
    const codes = answers.map(({ status, body }) => (status === 201 ? 201 : body.code));
    expect(codes.filter((code) => code === 201)).toHaveLength(2);
    expect(codes.filter((code) => code === 'too_many_drafts')).toHaveLength(4);
  });
});

describe('a version whose text is lost', () => {
  it('closes its tenant alone, which can still go back', async () => {
    const digest = await draft();
    await owner.call(`/versions/${digest}/activate`, { reason: 'r' });
    const neighbour = new TestTenant(stack);
    const someone = await neighbour.create();
    await stack.service.stop();
    await withDatabase((client) => client.query('delete from policy.policy_texts where tenant_id = $1', [tenant.id]));
    stack.service = await startService(policyService, stack.env);
    await waitFor(async () => (await someone.call('/roles')).status === 200, { message: 'the neighbour is served' });
    const refused = await stack.ask(owner.key, 'user/x', 'printer.use', 'printer/p');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'policy_unavailable' });
    expect((await owner.call('/grants', { subject: { type: 'user', id: 'x' }, role: 'viewer' })).status).toBe(503);
    expect(await neighbour.decides(someone, 'user/x', 'printer.use', 'printer/p')).toBe(false);
    expect((await owner.call('/rollback', { reason: 'the text is lost' })).status).toBe(200);
    expect(await mayPrint()).toBe(false);
  });
});
