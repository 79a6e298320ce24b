import { chmodSync, copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRootKey, openField, unwrapKey } from '@gatehouse/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { api, works } from './api.fixture.js';
import { type CommitGate, startCommitGate } from './commit-gate.fixture.js';
import { type FirstOwner, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let gate: CommitGate;

beforeAll(async () => {
  stack = await startStack();
  gate = await startCommitGate(stack.postgres.port);
});

afterAll(async () => {
  await gate?.stop();
  await stack?.stop();
});

const fileOf = (tenantId: string): string => join(stack.folder, `${tenantId}.json`);
const argumentsFor = (tenantId: string, out = fileOf(tenantId)): string[] => [
  'bootstrap',
  '--email',
  `${tenantId}@example.org`,
  '--tenant',
  tenantId,
  '--out',
  out,
  '--name',
  'Ann',
];
const bootstrap = (tenantId: string, out?: string) => stack.command(argumentsFor(tenantId, out));
const secretsOf = (tenantId: string) => JSON.parse(readFileSync(fileOf(tenantId), 'utf8')) as FirstOwner;
const typesOf = async (tenantId: string): Promise<string[]> => {
  const rows = await stack.superuser<{ type: string }>(
    'select type from identity.events where tenant_id = $1 order by tx, seq',
    [tenantId],
  );
  return rows.map(({ type }) => type);
};
const everything = ['tenant.created', 'user.registered', 'key.created', 'setup.offered'];

describe('bootstrap', () => {
  it('makes tenant, owner, operator key and set-up link, and says nothing secret', async () => {
    const { code, output } = await bootstrap('main');
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(await typesOf('main')).toEqual(everything);
    const secrets = secretsOf('main');
    expect(secrets).toEqual({
      tenantId: 'main',
      ownerId: expect.any(String),
      setupToken: expect.stringMatching(/^gst_[A-Za-z0-9_-]{43}$/),
      setupExpiresAt: expect.any(String),
      operatorKey: expect.stringMatching(/^mas_[A-Za-z0-9_-]{54}$/),
    });
    expect(statSync(fileOf('main')).mode & 0o777).toBe(0o600);
    for (const secret of [secrets.setupToken, secrets.operatorKey, 'example.org']) expect(output).not.toContain(secret);
  });

  it('seals the owner’s e-mail and name under a key of the owner alone', async () => {
    const { ownerId } = secretsOf('main');
    const [event] = await stack.superuser<{ envelope: string }>(
      `select envelope from identity.events where stream_id = $1`,
      [`user:${ownerId}`],
    );
    const { data, sealed } = JSON.parse(event?.envelope ?? '');
    expect(data).toEqual({ userId: ownerId });
    const [row] = await stack.superuser<{ wrapped: Buffer }>('select wrapped from identity.subject_keys');
    const root = loadRootKey(join(stack.folder, 'root-key'));
    const key = unwrapKey(root, row?.wrapped ?? Buffer.of(), `subject-key:main:${ownerId}:1`);
    expect(openField(key, sealed.email, 'email', 'main')).toBe('main@example.org');
    expect(openField(key, sealed.name, 'name', 'main')).toBe('Ann');
  });

  it('has nothing to do the second time', async () => {
    const secrets = secretsOf('main');
    const { code, output } = await bootstrap('main');
    expect(code).toBe(0);
    expect(output).toContain('nothing to do');
    expect(await typesOf('main')).toEqual(everything);
    expect(secretsOf('main')).toEqual(secrets);
  });

  it('says how to get another key when its file is gone', async () => {
    const { code, output } = await bootstrap('main', join(stack.folder, 'elsewhere.json'));
    expect(code).toBe(0);
    expect(output).toContain('offer-setup --tenant main --out FILE');
    expect(() => statSync(join(stack.folder, 'elsewhere.json'))).toThrow('ENOENT');
    expect(await typesOf('main')).toEqual(everything);
  });

  it('refuses a file of another tenant, of other secrets, of another shape, or that others may read', async () => {
    const other = await bootstrap('other-tenant', fileOf('main'));
    expect(other.code).toBe(1);
    expect(other.output).toContain('belongs to another tenant');
    expect(await typesOf('other-tenant')).toEqual([]);

    const forged = join(stack.folder, 'forged.json');
    writeFileSync(forged, JSON.stringify({ ...secretsOf('main'), operatorKey: `mas_${'B'.repeat(53)}A` }), {
      mode: 0o600,
    });
    const wrong = await bootstrap('main', forged);
    expect(wrong).toMatchObject({ code: 1, output: expect.stringContaining('other secrets') });
    expect(wrong.output).not.toContain('BBBB');

    writeFileSync(forged, '{"tenantId":', { mode: 0o600 });
    expect(await bootstrap('main', forged)).toMatchObject({ code: 1, output: expect.stringContaining('not a file') });

    const shared = join(stack.folder, 'shared.json');
    copyFileSync(fileOf('main'), shared);
    chmodSync(shared, 0o644);
    expect(await bootstrap('main', shared)).toMatchObject({ code: 1, output: expect.stringContaining('chmod 600') });
  });

  it('lets two that race go on with the same secrets', async () => {
    const both = await Promise.all([stack.run(argumentsFor('raced')), stack.run(argumentsFor('raced'))]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect((await typesOf('raced')).sort()).toEqual([...everything].sort());
  });
});

describe('bootstrap, killed', () => {
  async function killAt(type: string, side: 'before' | 'after', tenantId: string): Promise<void> {
    const held = gate.hold(type, side);
    const { child, log } = await stack.launch({ DATABASE_URL: stack.databaseUrl(gate.port) }, argumentsFor(tenantId));
    const early = child.exited.then(() => Promise.reject(new Error(`ended before the commit: ${log()}`)));
    await Promise.race([held, early]);
    await child.kill9();
    await early.catch(() => undefined);
  }

  const crashes = everything.flatMap((type) => [[type, 'before'] as const, [type, 'after'] as const]);
  it.each(crashes)(
    'at %s, right %s the commit: the next run completes it, nothing is doubled or lost',
    async (type, side) => {
      const tenantId = `killed-${type.replace('.', '-')}-${side}`;
      await killAt(type, side, tenantId);
      const stored = everything.slice(0, everything.indexOf(type) + (side === 'after' ? 1 : 0));
      expect(await typesOf(tenantId)).toEqual(stored);
      const secrets = secretsOf(tenantId);

      expect(await bootstrap(tenantId)).toMatchObject({ code: 0 });
      expect(await typesOf(tenantId)).toEqual(everything);
      expect(secretsOf(tenantId)).toEqual(secrets);
      const subjectKeys = await stack.superuser('select from identity.subject_keys where tenant_id = $1', [tenantId]);
      expect(subjectKeys).toHaveLength(1);
    },
  );

  it('leaves secrets that work, whenever it was killed', async () => {
    const replica = await stack.serve();
    for (const [type, side] of crashes) {
      const { operatorKey, setupToken } = secretsOf(`killed-${type.replace('.', '-')}-${side}`);
      await works(replica, operatorKey);
      expect(await api(replica, 'POST /setup', { body: { token: setupToken } })).toMatchObject({ status: 201 });
    }
  });

  it('after the owner and before the key, with its file removed: a new file, the same owner', async () => {
    await killAt('user.registered', 'after', 'file-lost');
    const { ownerId, operatorKey } = secretsOf('file-lost');
    rmSync(fileOf('file-lost'));
    expect(await bootstrap('file-lost')).toMatchObject({ code: 0 });
    expect(await typesOf('file-lost')).toEqual(everything);
    expect(secretsOf('file-lost').ownerId).toBe(ownerId);
    expect(secretsOf('file-lost').operatorKey).not.toBe(operatorKey);
  });
});
