import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fsck } from '../src/secret/fsck/fsck.command.js';
import { Secrets } from '../src/secret/secrets.js';
import { askerOf } from './asker.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let acme: Somebody;
let globex: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  acme = await stack.somebody('acme', 'admin-1', ['admin']);
  globex = await stack.somebody('globex', 'admin-1', ['admin']);
});

afterAll(() => stack?.stop());

const secrets = () => stack.service.app.get(Secrets, { strict: false });
const tables = ['secrets', 'secret_versions'] as const;

/** As somebody who writes into the database: no trigger and no row-level security in the way. */
const forge = (sql: string) => stack.superuser.query(`set session_replication_role = replica; ${sql}`);

/** Keeps every row, or puts all of them back. */
const keep = (name: string) =>
  forge(
    tables
      .map(
        (table) =>
          `drop table if exists public.${name}_${table}; create table public.${name}_${table} as table vault.${table}`,
      )
      .join(';'),
  );
const putBack = (name: string) =>
  forge(
    tables
      .map((table) => `delete from vault.${table}; insert into vault.${table} select * from public.${name}_${table}`)
      .join(';'),
  );

/** What a read gives: the data, `null` when deleted, or the code of the refusal. */
async function outcome(somebody: Somebody, path: string, version?: number): Promise<unknown> {
  try {
    return (await secrets().read(askerOf(somebody), path, { version })).data;
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

const violated = 'integrity_violation';
const faultsOf = async () => (await fsck(stack.service.platform.database.system, stack.service.platform.pepper)).faults;

beforeEach(async () => {
  await forge(tables.map((table) => `delete from vault.${table}`).join(';'));
  await stack.superuser.query(`delete from vault.events where stream_id like 'secret:%'`);
  for (const somebody of [acme, globex]) {
    for (const path of ['p/ONE', 'p/TWO'])
      for (const version of [1, 2])
        await secrets().write(askerOf(somebody), path, { value: `${somebody.tenantId} ${path} ${version}` });
  }
  await keep('before');
});

const places = () =>
  [acme, globex].flatMap((somebody) =>
    ['p/ONE', 'p/TWO'].flatMap((path) => [1, 2].map((version) => ({ somebody, path, version }))),
  );
const valueAt = ({ somebody, path, version }: ReturnType<typeof places>[number]) => ({
  value: `${somebody.tenantId} ${path} ${version}`,
});
const one = `tenant_id = 'acme' and stream_id = (select stream_id from vault.secrets where tenant_id = 'acme' and path = 'p/ONE')`;

describe('rows that are not what the log says', () => {
  it('are found for every byte of a sealed value', async () => {
    const { rows } = await stack.superuser.query(
      `select length(ciphertext) c, length(wrapped_key) w from vault.secret_versions where ${one} and version = 2`,
    );
    const flips = [
      ...Array.from({ length: rows[0].c }, (_, i) => ['ciphertext', i] as const),
      ...Array.from({ length: rows[0].w }, (_, i) => ['wrapped_key', i] as const),
    ];
    expect(flips.length).toBeGreaterThan(100);
    const wrong: unknown[] = [];
    for (const [column, i] of flips) {
      const flip = `update vault.secret_versions set ${column} = set_byte(${column}, ${i}, get_byte(${column}, ${i}) # 1) where ${one} and version = 2`;
      await forge(flip);
      const got = await outcome(acme, 'p/ONE');
      if (got !== violated) wrong.push([column, i, got]);
      await forge(flip);
    }
    expect(wrong).toEqual([]);
    expect(await outcome(acme, 'p/ONE')).toEqual({ value: 'acme p/ONE 2' });
  });

  it.each([
    ['key_version', `update vault.secret_versions set key_version = 2 where ${one} and version = 2`],
    ['no key_version', `update vault.secret_versions set key_version = null where ${one} and version = 2`],
    [
      'secret_id of a version',
      `update vault.secret_versions set secret_id = gen_random_uuid() where ${one} and version = 2`,
    ],
    ['version', `update vault.secret_versions set version = 7 where ${one} and version = 2`],
    ['tenant of a version', `update vault.secret_versions set tenant_id = 'globex' where ${one} and version = 2`],
    ['current_version', `update vault.secrets set current_version = 1 where ${one}`],
    ['path', `update vault.secrets set path = 'p/OTHER' where ${one}`],
    ['tenant', `update vault.secrets set tenant_id = 'initech' where ${one}`],
    [
      'state',
      `update vault.secrets set state = replace(state, '"casRequired":false', '"casRequired":true') where ${one}`,
    ],
    ['a blank in the state', `update vault.secrets set state = state || ' ' where ${one}`],
    ['custom metadata', `update vault.secrets set custom_metadata = '{"owner":"eve"}' where ${one}`],
    ['no newest version', `delete from vault.secret_versions where ${one} and version = 2`],
    ['no state', `delete from vault.secrets where ${one}`],
    ['no rows at all', `delete from vault.secret_versions where ${one}; delete from vault.secrets where ${one}`],
  ])('are found: %s', async (_, change) => {
    await forge(change);
    expect(await outcome(acme, 'p/ONE')).toBe(violated);
    for (const place of places().filter(({ somebody, path }) => somebody !== acme || path !== 'p/ONE'))
      expect(await outcome(place.somebody, place.path, place.version)).toEqual(valueAt(place));
  });

  it.each(['state', 'envelope'])(
    'are found for every character of the %s',
    async (column) => {
      const table = column === 'state' ? 'secrets' : 'events';
      const last = column === 'state' ? one : `${one} and revision = 2`;
      const { rows } = await stack.superuser.query(`select length(${column}) as n from vault.${table} where ${last}`);
      const wrong: number[] = [];
      const digest =
        column === 'state'
          ? 1
          : await stack.superuser
              .query(`select strpos(envelope, '"state":"') + 8 as at from vault.events where ${last}`)
              .then(({ rows: [row] }) => row.at);
      const upTo = column === 'state' ? rows[0].n : digest + 43;
      for (let i = digest + (column === 'state' ? 0 : 1); i <= upTo; i += column === 'state' ? 7 : 1) {
        const flip = `update vault.${table} set ${column} = overlay(${column} placing chr(ascii(substr(${column}, ${i}, 1)) # 1) from ${i} for 1) where ${last}`;
        await forge(flip);
        if ((await outcome(acme, 'p/ONE')) !== violated) wrong.push(i);
        await forge(flip);
      }
      expect(wrong).toEqual([]);
      expect(await outcome(acme, 'p/ONE')).toEqual({ value: 'acme p/ONE 2' });
    },
    60_000,
  );

  it('are found whatever sealed values change places', async () => {
    const columns = ['ciphertext', 'wrapped_key', 'key_version', 'secret_id', 'stream_id', 'version', 'tenant_id'];
    const place = fc.integer({ min: 0, max: 7 });
    await fc.assert(
      fc.asyncProperty(place, place, fc.subarray(columns, { minLength: 1 }), async (a, b, swapped) => {
        await putBack('before');
        const taken = ['tenant_id', 'stream_id', 'version', 'secret_id', 'ciphertext', 'wrapped_key', 'key_version'];
        const shown = taken.map((column) => `${swapped.includes(column) ? 'other' : 'own'}.${column}`);
        // A row whose place is taken already is lost: that must be found, too.
        await forge(`delete from vault.secret_versions;
          with numbered as (select *, row_number() over (order by tenant_id, stream_id, version) - 1 as n
            from public.before_secret_versions)
          insert into vault.secret_versions (${taken.join(', ')}, created_at)
          select ${shown.join(', ')}, own.created_at from numbered own
          join numbered other on other.n = case own.n when ${a} then ${b} when ${b} then ${a} else own.n end
          on conflict do nothing`);
        for (const here of places()) {
          const got = await outcome(here.somebody, here.path, here.version);
          if (got !== violated) expect(got).toEqual(valueAt(here));
        }
      }),
      { numRuns: 40 },
    );
    await putBack('before');
  });

  it('are found after earlier rows were put back', async () => {
    const asker = askerOf(acme);
    const steps: Record<string, () => Promise<unknown>> = {
      written: () => secrets().write(asker, 'p/ONE', { value: 'acme p/ONE 3' }),
      deleted: () => secrets().remove(asker, 'p/ONE', [1]),
      destroyed: () => secrets().destroy(asker, 'p/ONE', [2]),
      metadata: () => secrets().putMetadata(asker, 'p/ONE', { customMetadata: { owner: 'ann' } }),
      forgotten: () => secrets().forget(asker, 'p/ONE'),
      'written anew': () => secrets().write(asker, 'p/ONE', { value: 'acme p/ONE 1 again' }),
    };
    for (const [name, step] of Object.entries(steps)) {
      await keep('earlier');
      await step();
      await keep('later');
      await putBack('earlier');
      expect([name, await outcome(acme, 'p/ONE')]).toEqual([name, violated]);
      expect([name, (await faultsOf()).length > 0]).toEqual([name, true]);
      await putBack('later');
      expect(await faultsOf()).toEqual([]);
    }
  });

  it('are found when only the content of a destroyed version comes back', async () => {
    await secrets().destroy(askerOf(acme), 'p/ONE', [1]);
    await forge(`update vault.secret_versions v set ciphertext = o.ciphertext, wrapped_key = o.wrapped_key, key_version = o.key_version
      from public.before_secret_versions o where v.tenant_id = 'acme' and o.tenant_id = v.tenant_id and o.stream_id = v.stream_id and o.version = v.version and v.version = 1`);
    expect(await outcome(acme, 'p/ONE', 1)).toBe(violated);
    expect(await outcome(acme, 'p/ONE', 2)).toEqual({ value: 'acme p/ONE 2' });
  });

  it('are not written upon', async () => {
    await forge(
      `update vault.secrets set state = replace(state, '"casRequired":false', '"casRequired":true') where ${one}`,
    );
    await expect(secrets().write(askerOf(acme), 'p/ONE', { value: 'x' })).rejects.toMatchObject({ code: violated });
    await expect(secrets().write(askerOf(acme), 'p/TWO', { value: 'x' })).resolves.toMatchObject({ version: 3 });
  });

  it('are told of in an event, once, without a word to the caller', async () => {
    await forge(`delete from vault.secret_versions where ${one} and version = 2`);
    for (let i = 0; i < 3; i++) {
      const answer = await stack.call('/api/v1/vault/secrets/p/ONE', { key: acme.key });
      expect(answer).toMatchObject({ status: 500, body: { title: 'The request failed', code: violated } });
      expect(answer.text).not.toMatch(/missing|version|log/);
    }
    // Of version 2 alone: the random exchanges above may have lost another version of this secret, and told of it.
    const { rows } = await stack.superuser.query(
      `select envelope::jsonb->'data' as data from vault.events where type = 'secret.integrity_violated'
       and envelope like '%version_missing%' and tenant_id = 'acme' and stream_id like 'finding:%' and envelope::jsonb->'data'->>'stream' = (select stream_id from vault.secrets where ${one})
       and envelope::jsonb->'data'->'version' = '2'`,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].data).toMatchObject({ path: 'p/ONE', version: 2, finding: 'version_missing' });
  });

  it('are none where nobody changed anything', async () => {
    expect(await faultsOf()).toEqual([]);
  });
});
