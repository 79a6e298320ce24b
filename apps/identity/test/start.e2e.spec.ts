import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKeyFile } from '@gatehouse/crypto';
import { startService } from '@gatehouse/service';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { identityService } from '../src/app.module.js';
import { type StackWithServer, startStackWithServer, tail } from './stack.fixture.js';

let stack: StackWithServer;

beforeAll(async () => {
  stack = await startStackWithServer();
  await stack.bootstrap();
});

afterAll(() => stack?.stop());

const fileWith = (name: string, text: string, mode = 0o600): string => {
  const path = join(stack.folder, name);
  writeFileSync(path, text, { mode });
  return path;
};

const copyOf = (name: string, copy: string): string => {
  const path = join(stack.folder, copy);
  copyFileSync(join(stack.folder, name), path);
  return path;
};

type Wrong = readonly [what: string, changes: () => Record<string, string>, message: string];

const keyFiles = (['PEPPER_FILE', 'ROOT_KEY_FILE'] as const).flatMap((variable): Wrong[] => [
  [`${variable} empty`, () => ({ [variable]: '' }), variable],
  [`${variable} missing`, () => ({ [variable]: join(stack.folder, 'nowhere') }), 'does not exist'],
  [`${variable} with nothing in it`, () => ({ [variable]: fileWith('nothing', '') }), 'must hold 32 bytes'],
  [`${variable} with a sample`, () => ({ [variable]: fileWith('sample', 'A'.repeat(43)) }), 'placeholder'],
  [
    `${variable} that others may read`,
    () => {
      const path = join(stack.folder, `open-${variable.toLowerCase()}`);
      createKeyFile(path, randomBytes(32));
      chmodSync(path, 0o644);
      return { [variable]: path };
    },
    'mode 0644',
  ],
]);

const wrong: readonly Wrong[] = [
  ...keyFiles,
  ['one key as pepper and root key', () => ({ PEPPER_FILE: copyOf('root-key', 'pepper-of-root') }), 'the same key'],
  ['no database', () => ({ DATABASE_URL: '' }), 'DATABASE_URL'],
  ['a default password', () => ({ DATABASE_URL: 'postgres://u:postgres@127.0.0.1/x' }), 'published default'],
];

describe('identity refuses to start', () => {
  it.each(wrong)('with %s', async (_what, changes, message) => {
    await expect(startService(identityService, stack.env(changes()))).rejects.toThrow(message);
  });

  it('as a process that ends with 1 and says why on one screen', async () => {
    const { code, output } = await stack.run(['serve'], { PEPPER_FILE: '', SERVICE_PORT: 'eighty' });
    expect(code).toBe(1);
    expect(output).toContain('PEPPER_FILE');
    expect(output).toContain('SERVICE_PORT');
    expect(output).not.toContain('    at ');
  });

  it('under another root key than the data was sealed with', async () => {
    const path = join(stack.folder, 'another-root-key');
    createKeyFile(path, randomBytes(32));
    const { code, output } = await stack.run(['serve'], { ROOT_KEY_FILE: path });
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining('is sealed under root key') });
  });

  it('on a schema that lacks a migration, and says which', async () => {
    const [first] = await stack.superuser<{ id: number }>('select id from identity.migrations order by id limit 1');
    const rename = (name: string) =>
      stack.superuser('update identity.migrations set name = $2 where id = $1', [first?.id, name]);
    await rename('older');
    const { code, output } = await stack.run(['serve']);
    await rename('Foundation1700000000001');
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining('lacks Foundation1700000000001') });
  });

  it('on an empty schema', async () => {
    await stack.superuser('alter schema identity rename to put_away; create schema identity');
    const [serve, bootstrap] = await Promise.all([
      stack.run(['serve']),
      stack.run(['bootstrap', '--email', 'a@b', '--out', join(stack.folder, 'unused.json')]),
    ]);
    await stack.superuser('drop schema identity; alter schema put_away rename to identity');
    expect(serve).toMatchObject({ code: 1, output: expect.stringContaining('run the command migrate') });
    expect(bootstrap).toMatchObject({ code: 1, output: expect.stringContaining('run the command migrate') });
  });
});

describe('identity starts', () => {
  it('before PostgreSQL, is not ready until it is there, and then is', async () => {
    await stack.postgres.kill9();
    const launched = await stack.launch();
    const message = () => tail(launched);
    const address = await waitFor(() => /"address":"([^"]+)"/.exec(launched.log())?.[1], {
      message,
    });
    expect((await fetch(`${address}/readyz`)).status).toBe(503);
    await stack.postgres.restart();
    await waitFor(async () => (await fetch(`${address}/readyz`)).ok, { message });
    expect((await launched.child.stop()).code).toBe(0);
  });
});
