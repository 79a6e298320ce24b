import { describe, expect, it } from '@jest/globals';
import { checkManifests, checkRootReferences } from './manifests.js';
import { findings, tree } from './tree.fixture.js';

interface Shape {
  readonly dependencies?: readonly string[];
  readonly devDependencies?: readonly string[];
  readonly references?: readonly string[];
  readonly source?: string;
  readonly spec?: string;
}

const versions = (names: readonly string[] = []): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`@gatehouse/${name}`, '*']));

/** A workspace libs/bus beside libs/contracts and libs/testing. */
const withBus = ({ dependencies, devDependencies, references = [], source = '', spec = '' }: Shape) =>
  tree({
    'libs/contracts/package.json': '{"name": "@gatehouse/contracts"}',
    'libs/testing/package.json': '{"name": "@gatehouse/testing"}',
    'libs/bus/package.json': JSON.stringify({
      name: '@gatehouse/bus',
      dependencies: { ...versions(dependencies), zod: '4' },
      devDependencies: versions(devDependencies),
    }),
    'libs/bus/tsconfig.json': JSON.stringify({ references: references.map((name) => ({ path: `../${name}` })) }),
    'libs/bus/src/a.ts': source,
    'libs/bus/src/a.spec.ts': spec,
  });

const useContracts = "import { x } from '@gatehouse/contracts';";

describe('checkManifests', () => {
  const of = (shape: Shape): string[] => findings(checkManifests, withBus(shape));

  it('accepts imports that package.json and tsconfig.json both know', () => {
    const shape = { dependencies: ['contracts'], references: ['contracts'] };
    expect(of({ ...shape, source: useContracts })).toEqual([]);
    expect(of({ ...shape, source: "export * from '@gatehouse/contracts';" })).toEqual([]);
    expect(of({ ...shape, source: "const a = await import('@gatehouse/contracts');" })).toEqual([]);
    expect(of({ ...shape, source: "type A = import('@gatehouse/contracts').A;" })).toEqual([]);
  });

  it('leaves a package’s own name and packages of others to their own rules', () => {
    expect(of({ source: "import '@gatehouse/bus';\nimport 'zod';" })).toEqual([]);
  });

  it('finds an import that package.json does not declare', () => {
    expect(of({ references: [], source: `\n${useContracts}` })).toEqual([
      'libs/bus/src/a.ts:2: @gatehouse/contracts is not declared in package.json',
    ]);
  });

  it('lets only specs use devDependencies', () => {
    const shape = { devDependencies: ['testing'], references: ['testing'] };
    expect(of({ ...shape, spec: "import '@gatehouse/testing';" })).toEqual([]);
    expect(of({ ...shape, source: "import '@gatehouse/testing';" })).toEqual([
      'libs/bus/src/a.ts:1: @gatehouse/testing is not declared in package.json',
    ]);
  });

  it('finds a declaration that nothing imports', () => {
    expect(of({ dependencies: ['contracts'], references: ['contracts'] })).toEqual([
      'libs/bus/package.json: @gatehouse/contracts is declared but never imported',
    ]);
  });

  it('finds a missing reference and one too many', () => {
    expect(of({ dependencies: ['contracts'], references: ['testing'], source: useContracts })).toEqual([
      'libs/bus/tsconfig.json: lacks the reference to libs/contracts',
      'libs/bus/tsconfig.json: refers to libs/testing without need',
    ]);
  });
});

describe('checkRootReferences', () => {
  const root = (...folders: string[]) =>
    findings(
      checkRootReferences,
      tree({
        'tsconfig.json': JSON.stringify({ references: folders.map((path) => ({ path })) }),
        'libs/bus/package.json': '{"name": "@gatehouse/bus"}',
        'bench/package.json': '{"name": "@gatehouse/bench"}',
      }),
    );

  it('accepts exactly the workspaces', () => expect(root('libs/bus', './bench')).toEqual([]));
  it('finds a workspace that is never compiled', () =>
    expect(root('bench')).toEqual(['tsconfig.json: does not refer to libs/bus']));
  it('finds a folder that is gone', () =>
    expect(root('libs/bus', 'bench', 'libs/old')).toEqual([
      'tsconfig.json: refers to libs/old, which is no workspace',
    ]));
});
