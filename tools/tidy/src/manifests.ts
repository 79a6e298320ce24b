import path from 'node:path';
import { importsOf } from './source.js';
import { type Finding, isTest, isTypeScript, type TreeFile, textOf } from './tree.js';

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface TsConfig {
  readonly references?: readonly { readonly path: string }[];
}

/** A workspace: a folder below the root that has a package.json of its own. */
interface Workspace {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly references: ReadonlySet<string>;
  readonly files: readonly TreeFile[];
}

const own = /^@gatehouse\//;
const packageOf = (module: string): string => module.split('/').slice(0, 2).join('/');

function workspacesOf(tree: readonly TreeFile[]): Workspace[] {
  const byPath = new Map(tree.map((file) => [file.path, file]));
  return tree
    .filter((file) => /^((apps|libs|tools)\/[^/]+|bench|deploy)\/package\.json$/.test(file.path))
    .map((file) => {
      const folder = path.posix.dirname(file.path);
      const config = byPath.get(`${folder}/tsconfig.json`);
      const { references = [] }: TsConfig = config ? JSON.parse(textOf(config)) : {};
      return {
        folder,
        manifest: JSON.parse(textOf(file)),
        references: new Set(references.map((reference) => path.posix.join(folder, reference.path))),
        files: tree.filter((candidate) => candidate.path.startsWith(`${folder}/`)),
      };
    });
}

/**
 * What a workspace imports, what its package.json declares (this orders Nx's runs) and what its tsconfig.json refers to
 * (this orders the compiler) must be the same set of `@gatehouse/*` packages; specs may use devDependencies.
 */
export function checkManifests(tree: readonly TreeFile[]): Finding[] {
  const workspaces = workspacesOf(tree);
  const folders = new Map(workspaces.map(({ manifest, folder }) => [manifest.name, folder]));
  return workspaces.flatMap((workspace) => [
    ...undeclaredImports(workspace),
    ...unusedDeclarations(workspace),
    ...wrongReferences(workspace, folders),
  ]);
}

function undeclaredImports({ files, manifest }: Workspace): Finding[] {
  const production = new Set(Object.keys(manifest.dependencies ?? {}));
  const all = new Set([...production, ...Object.keys(manifest.devDependencies ?? {})]);
  return files.filter(isTypeScript).flatMap((file) =>
    importsOf(file)
      .filter(({ module }) => own.test(module) && packageOf(module) !== manifest.name)
      .filter(({ module }) => !(isTest(file) ? all : production).has(packageOf(module)))
      .map(({ module, line }) => ({ path: file.path, line, message: `${module} is not declared in package.json` })),
  );
}

function unusedDeclarations({ folder, files, manifest }: Workspace): Finding[] {
  const scripts = files.filter((file) => /\.[mc]?[jt]sx?$/.test(file.path));
  const used = new Set(scripts.flatMap(importsOf).map(({ module }) => packageOf(module)));
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter((name) => own.test(name) && !used.has(name))
    .map((name) => ({ path: `${folder}/package.json`, line: 0, message: `${name} is declared but never imported` }));
}

function wrongReferences(
  { folder, files, manifest, references }: Workspace,
  folders: ReadonlyMap<string, string>,
): Finding[] {
  if (!files.some((file) => file.path === `${folder}/tsconfig.json`)) return [];
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).filter((name) =>
    own.test(name),
  );
  const wanted = new Set(declared.map((name) => folders.get(name) ?? name));
  const config = `${folder}/tsconfig.json`;
  return [
    ...[...wanted].filter((target) => !references.has(target)).map((target) => `lacks the reference to ${target}`),
    ...[...references].filter((target) => !wanted.has(target)).map((target) => `refers to ${target} without need`),
  ].map((message) => ({ path: config, line: 0, message }));
}

/** Every workspace is compiled by the root tsconfig.json, and the root names no other folder. */
export function checkRootReferences(tree: readonly TreeFile[]): Finding[] {
  const root = tree.find((file) => file.path === 'tsconfig.json');
  const { references = [] }: TsConfig = root ? JSON.parse(textOf(root)) : {};
  const named = new Set(references.map((reference) => path.posix.normalize(reference.path)));
  const folders = workspacesOf(tree).map(({ folder }) => folder);
  return [
    ...folders.filter((folder) => !named.has(folder)).map((folder) => `does not refer to ${folder}`),
    ...[...named]
      .filter((folder) => !folders.includes(folder))
      .map((folder) => `refers to ${folder}, which is no workspace`),
  ].map((message) => ({ path: 'tsconfig.json', line: 0, message }));
}
