import { describe, expect, it } from '@jest/globals';
import { checkPathNames, checkTypeNames } from './names.js';
import { file, findings } from './tree.fixture.js';

describe('checkPathNames', () => {
  const path = (name: string): string[] => findings(checkPathNames, [file(name)]);

  it.each([
    'README.md',
    '.ci/run',
    '.dependency-cruiser.cjs',
    'apps/policy/src/api-key/create-api-key.controller.ts',
    'apps/audit/src/migrations/1763769600000-create-entries.ts',
    'docs/adr/0001-toolchain.md',
    'libs/merkle/src/testdata/Some_Log/x001',
  ])('accepts %s', (name) => expect(path(name)).toEqual([]));

  it.each(['common', 'shared', 'utils', 'helpers', 'core'])('refuses a folder called %s', (drawer) => {
    expect(path(`libs/${drawer}/src/a.ts`)).toEqual([
      `libs/${drawer}/src/a.ts: "${drawer}" says nothing about what is inside`,
    ]);
  });

  it('refuses a file called like a drawer', () => expect(path('libs/a/src/utils.spec.ts')).toHaveLength(1));

  it.each(['libs/a/src/ApiKey.ts', 'libs/a/src/api_key.ts', 'docs/My Page.md', 'libs/a/src/-a.ts'])(
    'refuses %s',
    (name) => expect(path(name)).toHaveLength(1),
  );
});

describe('checkTypeNames', () => {
  const declared = (text: string): string[] => findings(checkTypeNames, [file('libs/a/src/a.ts', text)]);

  it.each([
    'class BaseStore {}',
    'class StoreImpl {}',
    'export class KeyManager {}',
    'const a = class SessionManager {};',
    'interface BaseOptions {}',
    'interface IStore {}',
    'interface IDevice {}',
    'interface IPolicy {}',
    'type IStream = string;',
  ])('refuses %s', (text) => expect(declared(`\n${text}`)).toEqual([expect.stringContaining('libs/a/src/a.ts:2: ')]));

  it.each([
    'class Store {}',
    "type BaseCode = 'internal' | 'conflict';",
    'class ISBN {}',
    'class Baseline {}',
    'interface Item {}',
    'interface IPv4Range {}',
    'interface IDToken {}',
    'interface ISO8601Date {}',
    'interface IOError {}',
    'const BaseUrl = 1;',
  ])('accepts %s', (text) => expect(declared(text)).toEqual([]));
});
